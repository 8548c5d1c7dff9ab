"""Which candidate fixed or broke an instance, over accepted and rejected candidates and over branches."""

from __future__ import annotations

import pytest

from engine.errors import SiaError
from engine.events import types as t
from engine.queries.bisect import BisectResult, bisect
from tests.histories import Memory, Play, Skill, settings, started


def played(skill: Skill, generations: int = 4) -> Memory:
    log = Memory()
    lenient = t.Gate(alpha=0.2, run_alpha=0.9)
    Play(log, started(settings(generations=generations, gate=lenient)), skill=skill).to_rest()
    return log


def found(log: Memory, instance: str) -> BisectResult:
    return bisect(log.history(log.run), instance)[0]


def scores(table: dict[str, list[float]]) -> Skill:
    """Scores of val-0, val-1 and so on by version; every other instance is right from version 3 on."""
    return lambda number, instance: table.get(instance, [0, 0, 1, 1])[number - 1]


def test_the_first_change_of_the_incumbents_is_the_answer() -> None:
    log = played(scores({"val-0": [1, 1, 0, 0]}))  # generation 2 changes nothing, 3 is accepted, 4 changes nothing
    one = found(log, "val-0")
    assert [(c.what, c.after, c.n) for c in one.changes] == [("broken", 1, 3)]
    assert one.summary == "generation 3 broke val-0, from 1 to 0"
    assert found(log, "val-5").summary == "generation 3 fixed val-5, from 0 to 1"
    assert [(c.n, c.incumbent, c.what) for c in one.candidates] == [
        (1, True, None), (2, False, None), (3, True, "broken"), (4, False, None),
    ]  # fmt: skip
    commits = [c.harness for c in one.candidates]
    assert (one.changes[0].old, one.changes[0].new) == (commits[0], commits[2])


def test_a_rejected_candidate_is_named_but_changes_nothing() -> None:
    log = played(lambda number, instance: float(number == 2 and instance == "val-0"), generations=3)
    one = found(log, "val-0")
    assert one.changes == []
    assert "no incumbent changed val-0" in one.summary
    assert "generation 2, which was rejected, fixed it" in one.summary


def test_a_branch_counts_the_incumbent_that_a_person_named() -> None:
    log = played(scores({"val-0": [1, 0, 1, 1]}))
    at = next(e.n for e in log.events if e.type == t.GateDecided.type and e.generation == 2)
    log.events = log.events[:at]
    log.append([(2, t.RunForked("other", log.run, at, branch=2))])
    one = found(log, "val-0")
    assert [(c.what, c.after, c.n) for c in one.changes] == [("broken", 1, 2)]
    assert [c.incumbent for c in one.candidates] == [True, True]


def test_instances_of_train_are_followed_too() -> None:
    one = found(played(scores({})), "train-0")
    assert (one.split, one.changes[0].n) == ("train", 3)


def test_an_instance_that_nobody_met_is_refused() -> None:
    with pytest.raises(SiaError, match="val-99"):
        found(played(scores({})), "val-99")


def test_what_a_rejected_candidate_did_is_said_after_what_the_incumbents_did() -> None:
    log = played(scores({f"val-{i}": [0, 1, 0 if i % 2 else 1, 1] for i in range(12)}), generations=3)
    one = found(log, "val-1")
    assert one.summary == "generation 2 fixed val-1, from 0 to 1; generation 3, which was rejected, broke it"
    assert found(log, "val-0").summary == "generation 2 fixed val-0, from 0 to 1"
