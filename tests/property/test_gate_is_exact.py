"""On cases small enough to enumerate, the gate's p is the share of sign patterns that do as well."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core import gate

binary = st.lists(st.sampled_from([-1.0, 0.0, 1.0]), max_size=12)
coarse = st.lists(st.sampled_from([-0.75, -0.5, -0.25, 0.0, 0.25, 0.5, 0.75]), max_size=12)
real = st.lists(st.integers(-1000, 1000).map(lambda k: k / 1000), max_size=11)


def brute(differences: list[float]) -> float:
    """Every pattern of signs, as the definition has it."""
    sums = [
        math.fsum(sign * abs(d) for sign, d in zip(signs, differences, strict=True))
        for signs in itertools.product((1, -1), repeat=len(differences))
    ]
    return sum(total >= math.fsum(differences) - 1e-9 for total in sums) / len(sums)


@given(st.one_of(binary, coarse, real))
def test_p_equals_brute_force(differences: list[float]) -> None:
    assert gate.p_value(differences) == pytest.approx(brute(differences), rel=1e-9)


@given(st.lists(st.sampled_from([0.5, 1.0, 2.0, 3.0]), min_size=17, max_size=30))
def test_symmetric_changes_are_no_evidence(sizes: list[float]) -> None:
    assert gate.p_value([*sizes, *(-size for size in sizes)]) > 0.4


@given(coarse, st.integers(0, 11))
def test_one_more_win_never_raises_p(differences: list[float], at: int) -> None:
    better = [abs(d) if i == at else d for i, d in enumerate(differences)]
    assert gate.p_value(better) <= gate.p_value(differences) + 1e-12


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=40))
def test_no_verdict_accepts_a_mean_that_fell(pairs: list[tuple[float, float]]) -> None:
    new, old = ({(str(i), 0): pair[arm] for i, pair in enumerate(pairs)} for arm in (0, 1))
    rules = gate.Gate(alpha=1.0, run_alpha=1.0, minimum_effect=0.0)
    verdict = gate.compare(new, old, against=1, gate=rules, generations=2, noisy=False, rules=2)
    assert not (verdict.accepted and verdict.difference < 0)
    assert verdict == gate.compare(new, old, against=1, gate=rules, generations=2, noisy=False, rules=2)
