"""The long form: `python -m tests.simulation` plays histories, and says of one that fails how to play it again."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import tempfile
import time
import traceback

from tests.simulation.faults import PLANTED, Planted
from tests.simulation.history import History, calm, generated, play, shrunk


def failure_of(history: History, planted: Planted = contextlib.nullcontext) -> str:
    """What a history breaks where a fault is planted, in a line; empty where all holds."""
    try:
        with planted():
            play(history)
    except Exception as error:  # of the engine's, too
        return f"{type(error).__name__}: {error}"
    return ""


def main() -> int:
    """Plays the seeds; returns how many of them fail."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--count", type=int, default=1000, help="how many seeds")
    parser.add_argument("--most", type=int, default=3, help="stop after so many failures")
    parser.add_argument("--plant", choices=list(PLANTED), help="a fault to put into the engine")
    chosen = parser.parse_args()
    planted = PLANTED.get(chosen.plant, contextlib.nullcontext)
    began, failed, deaths, seed = time.perf_counter(), 0, 0, chosen.first
    for seed in range(chosen.first, chosen.first + chosen.count):
        history = generated(seed)
        calm(history.world)  # without the fault
        try:
            with planted():
                deaths += play(history).deaths
        except Exception as error:
            failed += 1
            kind = type(error).__name__
            small = shrunk(history, lambda one, kind=kind: failure_of(one, planted).startswith(kind))  # type: ignore[misc]
            print(f"seed {seed} fails; again: python -m tests.simulation --first {seed} --count 1")
            traceback.print_exc(limit=-4, file=sys.stdout)
            print(f"    at the least, for FAILED in tests/simulation/test_histories.py:\n    {small}", flush=True)
        if failed == chosen.most:
            break
    seconds, played = time.perf_counter() - began, seed + 1 - chosen.first
    print(f"{played} histories with {deaths} deaths, {60 * played / seconds:,.0f} a minute; {failed} failed")
    return failed


if __name__ == "__main__":
    os.environ["XDG_STATE_HOME"] = tempfile.mkdtemp()  # what is remembered of workspaces is not the user's
    raise SystemExit(min(main(), 1))
