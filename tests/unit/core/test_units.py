"""What counts as one observation: repeats are averaged, groups flip together, and standard errors say the same."""

from __future__ import annotations

import math
import statistics

import pytest

from benchmarks.false_acceptance import SETTINGS, Setting, false_acceptance
from engine.core import gate, units
from engine.core.units import Row
from engine.events.types import Gate, GateDecided

RULES = Gate(minimum_effect=0.01)
GROUPS = {f"{group}{i}": group for group in "abcd" for i in range(10)}


def judged(
    candidate: dict[Row, float],
    groups: dict[str, str] | None = None,
    *,
    rules: int = 2,
    noisy: bool = False,
    n: int = 2,
) -> GateDecided:
    """The verdict on `candidate` against an incumbent that scores 0 everywhere."""
    incumbent = dict.fromkeys(candidate, 0.0)
    return gate.compare(
        candidate, incumbent, against=1, gate=RULES, generations=n, noisy=noisy, rules=rules, groups=groups or {}
    )


def repeated(times: int) -> dict[Row, float]:
    return {(f"i{i}", repeat): float(i < 4) for i in range(6) for repeat in range(times)}


def test_repeats_of_equal_answers_add_no_evidence() -> None:
    once, often = judged(repeated(1)), judged(repeated(5))
    assert (often.n, often.p, often.se) == (once.n, once.p, once.se) == (6, 1 / 16, once.se)
    assert not often.accepted
    assert judged(repeated(5), rules=1).accepted  # as before: 20 pairs, all better


def test_a_group_flips_as_one() -> None:
    better = {(name, 0): 1.0 for name in GROUPS}
    verdict = judged(better, GROUPS)
    assert (verdict.n, verdict.unit, verdict.p, verdict.accepted) == (4, "group", 1 / 16, False)
    assert judged(better, GROUPS, rules=1).accepted
    assert judged(better).accepted  # independent instances
    assert judged(better).unit == "instance"


def test_one_group_is_no_evidence_whatever_its_gain() -> None:
    verdict = judged({(name, 0): 1.0 for name in GROUPS}, dict.fromkeys(GROUPS, "one"))
    assert (verdict.n, verdict.accepted) == (1, False)
    assert "may be chance (p = 0.5" in verdict.reason


def test_instances_without_a_group_are_units_of_their_own_beside_groups() -> None:
    rows = {("x", 0): 1.0, ("y", 0): 1.0, ("z", 0): 1.0}
    assert judged(rows, {"x": "z", "y": "z"}).n == 2  # the group z and the instance z are two


@pytest.mark.parametrize(
    ("instances", "repeats", "noisy", "generations", "unit", "n"),
    [
        (8, 2, True, 8, "instance", 8),  # 1/256 is below .05 / 7
        (8, 2, True, 20, "repeat", 16),  # and not below .05 / 19
        (8, 2, False, 20, "instance", 8),
        (1, 9, True, 2, "repeat", 9),
        (1, 9, False, 2, "repeat", 9),
        (1, 1, True, 2, "instance", 1),
    ],
)
def test_repeats_count_only_where_instances_cannot_tell(
    instances: int, repeats: int, noisy: bool, generations: int, unit: str, n: int
) -> None:
    rows = {(str(i), repeat): 1.0 + i for i in range(instances) for repeat in range(repeats)}
    verdict = judged(rows, noisy=noisy, n=generations)
    assert (verdict.unit, verdict.n) == (unit, n)


def test_the_standard_error_is_clustered() -> None:
    values = {"a": [1.0, 1.0, 0.0], "b": [0.0, 0.0], "c": [1.0]}
    rows = {(f"{name}{i}", 0): value for name, found in values.items() for i, value in enumerate(found)}
    groups = {instance: instance[0] for instance, _ in rows}
    # by hand: mean 1/2, residuals of the groups 1/2, -1, 1/2
    expected = math.sqrt(3 / 2 * (0.25 + 1 + 0.25)) / 6
    found = units.clustered(rows, groups)
    assert (found.score, found.se, found.n) == (0.5, pytest.approx(expected), 3)


def test_without_groups_and_repeats_it_is_the_usual_one() -> None:
    scores = [0.1, 0.7, 0.4, 0.4]
    found = units.clustered({(str(i), 0): score for i, score in enumerate(scores)}, {})
    assert found == gate.mean(scores)
    assert found.se == pytest.approx(statistics.stdev(scores) / 2)


@pytest.mark.parametrize("setting", SETTINGS[:7], ids=lambda one: f"{one.name}, {one.generations}")
def test_a_run_of_equal_skill_accepts_in_at_most_one_of_twenty(setting: Setting) -> None:
    assert false_acceptance(setting, rules=2, runs=400) <= 0.05
    if setting.size > 1:  # the simulation can tell: what counted every repeat accepts more
        assert false_acceptance(setting, rules=1, runs=400) > 0.05
