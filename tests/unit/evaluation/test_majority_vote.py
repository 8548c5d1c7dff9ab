"""Best-of-n: the answer that most votes have, without a verifier."""

from __future__ import annotations

from typing import Any

from engine.evaluation.majority_vote import elect, prepared
from engine.events import types as t
from engine.sandbox import Outcome
from engine.sandbox.program import failure


def cast(*answers: Any) -> list[Outcome]:
    return [Outcome(f"val/a/{n}", answer, None, 0.0, 0.0, "") for n, answer in enumerate(answers)]


def test_the_answer_that_most_have_wins_and_the_earliest_of_equals() -> None:
    assert elect(cast("x", "y", "y")) == ("y", None)
    assert elect(cast("x", "y")) == ("x", None)
    assert elect(cast([1, 2], {"a": 1}, {"a": 1})) == ({"a": 1}, None)


def test_a_failed_vote_does_not_count_unless_all_have_failed() -> None:
    broken = Outcome("val/a/9", None, failure("candidate", "no"), 0.0, 0.0, "")
    assert elect([broken, *cast("x")]) == ("x", None)
    assert elect([broken, broken]) == (None, t.Failure("candidate", "no"))


def test_a_voted_result_stands_for_no_other() -> None:
    assert prepared("p", t.Candidate("h")) == "p"
    assert prepared("p", t.Candidate("h", votes=5)) != "p"
