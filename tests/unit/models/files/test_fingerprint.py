"""A served adapter is the one that was trained, or the server is told that it is not: base, stale and wrong ones."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from engine.models.files.fingerprint import TELLS, TOLERANCE, Fingerprint, Served, mismatch

COUNT = 48
DRAW = random.Random(3)
IDS = range(COUNT)


def drawn(size: float, base: Sequence[float] | None = None) -> list[float]:
    """Numbers so far from `base` in the mean."""
    return [(base[i] if base else -3.0) + DRAW.uniform(-2 * size, 2 * size) for i in IDS]


def made(base: Sequence[float], adapter: Sequence[float]) -> Fingerprint:
    return Fingerprint(list(IDS), base, adapter)


def served(trained: Fingerprint, noise: Sequence[float], error: float = 0.01) -> list[float]:
    """What a server says that computes otherwise: much of the difference is the same for every adapter."""
    return drawn(error, [value + noise[i] for i, value in enumerate(trained.adapter)])


BASE = drawn(2.0)
NOISE = [value + 3.0 for value in drawn(0.2)]
SAYS = [value + NOISE[i] for i, value in enumerate(BASE)]
"""The base by the trainer, by how much the server is off, and the base by the server."""


@pytest.mark.parametrize("change", [0.0, 1e-5, 0.01, 0.1, 0.5, 3.0])
def test_the_right_adapter_is_taken_whatever_it_changes(change: float) -> None:
    trained = made(BASE, drawn(change, BASE) if change else BASE)
    new = Served(served(trained, NOISE), trained)
    assert mismatch(SAYS, new, {}) == ""
    other = made(BASE, drawn(change or 0.1, BASE))
    assert mismatch(SAYS, new, {"b": Served(served(other, NOISE), other)}) == ""


@pytest.mark.parametrize("change", [2 * TELLS, 0.01, 0.1, 1.0])
def test_a_server_that_leaves_the_adapter_out_is_found(change: float) -> None:
    assert "base model" in mismatch(SAYS, Served(SAYS, made(BASE, drawn(change, BASE))), {})
    assert "base model" in mismatch(SAYS, Served(SAYS, None), {})


def test_an_adapter_that_changes_nothing_may_answer_as_the_base() -> None:
    assert mismatch(SAYS, Served(SAYS, made(BASE, BASE)), {}) == ""


@pytest.mark.parametrize("step", [2 * TELLS, 0.01, 0.1, 1.0])
def test_the_adapter_of_a_round_before_is_found(step: float) -> None:
    before = made(BASE, drawn(0.5, BASE))
    after = made(BASE, drawn(step, before.adapter))
    stale = served(before, NOISE)
    earlier = {"old": Served(stale, before)}
    assert "the adapter old" in mismatch(SAYS, Served(stale, after), earlier)
    assert "the adapter old" in mismatch(SAYS, Served(stale, None), earlier)


@pytest.mark.parametrize("step", [3 * TOLERANCE, 1.0])
def test_it_is_found_also_where_a_busy_server_computes_a_little_otherwise_each_time(step: float) -> None:
    before = made(BASE, drawn(3.0, BASE))
    after = made(BASE, drawn(step, before.adapter))
    earlier = {"old": Served(served(before, NOISE), before)}
    assert mismatch(SAYS, Served(served(before, NOISE), after), earlier)
    assert mismatch(drawn(0.01, SAYS), Served(drawn(0.01, SAYS), after), {})


def test_another_adapter_and_numbers_that_are_none_are_found() -> None:
    trained, other = made(BASE, drawn(0.5, BASE)), made(BASE, drawn(0.5, BASE))
    assert "nats a token" in mismatch(SAYS, Served(served(other, NOISE), trained), {})
    assert "nats a token" in mismatch(SAYS, Served([float("nan")] * COUNT, trained), {})
    assert mismatch(SAYS, Served(SAYS[:-1], trained), {})
