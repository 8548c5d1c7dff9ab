"""The history of one seed, and what is said of one that fails."""

from __future__ import annotations

import contextlib
import traceback
from typing import NamedTuple

from tests.simulation.faults import PLANTED
from tests.simulation.history import History, calm, generated, play, shrunk


class Played(NamedTuple):
    """What came of a seed: how many deaths its history had, and what it breaks; empty where all holds."""

    deaths: int
    broken: str


def played(seed: int, fault: str | None) -> Played:
    """Plays the history of a seed, where `fault` is planted."""
    planted, history = PLANTED.get(fault or "", contextlib.nullcontext), generated(seed)
    calm(history.world)  # without the fault

    def failure(one: History) -> str:
        try:
            with planted():
                play(one)
        except Exception as error:  # of the engine's, too
            return type(error).__name__
        return ""

    try:
        with planted():
            return Played(play(history).deaths, "")
    except Exception as error:
        kind = type(error).__name__
        trace = "".join(traceback.format_exception(error, limit=-4))
        small = shrunk(history, lambda one: failure(one) == kind)
        return Played(
            0,
            f"seed {seed} fails; again: python -m tests.simulation --first {seed} --count 1\n{trace}"
            f"    at the least, for FAILED in tests/simulation/test_histories.py:\n    {small}",
        )
