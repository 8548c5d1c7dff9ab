"""Both arms see all units, neither long without the other."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from engine.core.decide import RULES
from engine.core.gate import compare
from engine.core.units import Row
from engine.evaluation.interleave import PAIRS, turns
from engine.events.types import Gate


@given(st.integers(0, 40))
def test_each_arm_gets_every_unit_once_in_order(n: int) -> None:
    for arm in ("candidate", "incumbent"):
        assert [unit for who, some in turns(range(n)) if who == arm for unit in some] == list(range(n))


@given(st.integers(0, 40))
def test_between_the_two_measurements_of_a_unit_lie_few_others(n: int) -> None:
    order = [(who, unit) for who, some in turns(range(n)) for unit in some]
    for unit in range(n):
        apart = abs(order.index(("candidate", unit)) - order.index(("incumbent", unit)))
        assert apart <= 2 * PAIRS


def test_the_order_is_a_b_b_a() -> None:
    assert [(who, list(some)) for who, some in turns("abcdef")] == [
        ("candidate", ["a", "b"]),
        ("incumbent", ["a", "b", "c", "d"]),
        ("candidate", ["c", "d", "e", "f"]),
        ("incumbent", ["e", "f"]),
    ]


def accepted(order: list[tuple[str, int]], step: int, seed: int) -> bool:
    """Whether the gate takes an unchanged candidate when the machine is busier from measurement `step` on."""
    draw = random.Random(seed)
    scores: dict[str, dict[Row, float]] = {"candidate": {}, "incumbent": {}}
    for place, (who, unit) in enumerate(order):
        scores[who][f"val-{unit}", 0] = (1.5 if place < step else 1.25) + draw.gauss(0, 0.02)
    rule = Gate(minimum_effect=0.03)
    arms = scores["candidate"], scores["incumbent"]
    return compare(*arms, against=1, gate=rule, generations=12, noisy=True, rules=RULES).accepted


def test_a_machine_that_becomes_busy_is_no_gain() -> None:
    in_turns = [(who, unit) for who, some in turns(range(10)) for unit in some]
    in_sequence = [(who, unit) for who in ("candidate", "incumbent") for unit in range(10)]
    steps, seeds = range(21), range(20)
    assert all(accepted(in_sequence, 10, seed) for seed in seeds)  # this is what turns are for
    assert sum(accepted(in_turns, step, seed) for step in steps for seed in seeds) <= 0.01 * 21 * 20
