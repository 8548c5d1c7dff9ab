"""Best-of-n: the answer that most votes have, without a verifier."""

from __future__ import annotations

from typing import Any

from domains.contract import Instance
from engine.evaluation.majority_vote import ballots, elect, prepared_name
from engine.evaluation.trial import trial
from engine.sandbox import Outcome
from engine.sandbox.program import failure
from engine.seeds import derive


def cast(*answers: Any) -> list[Outcome]:
    return [Outcome(f"val/a/{n}", answer, None, 0.0, 0.0, "") for n, answer in enumerate(answers)]


def voted(*answers: Any) -> Any:
    return elect(cast(*answers)).answer


def test_the_answer_that_most_have_wins_and_the_earliest_of_equals() -> None:
    assert voted("x", "y", "y") == "y"
    assert voted("x", "y") == "x"
    assert voted([1, 2], {"a": 1}, {"a": 1}) == {"a": 1}


def test_a_failed_vote_does_not_count_unless_all_have_failed() -> None:
    broken = Outcome("val/a/9", None, failure("candidate", "no"), 0.0, 0.0, "")
    assert elect([broken, *cast("x")]).answer == "x"
    assert elect([broken, *cast("x")]).failure is None
    assert elect([broken, broken]).failure == failure("candidate", "no")


def test_a_vote_that_the_machine_lost_decides_nothing() -> None:
    lost = Outcome("val/a/9", None, failure("infrastructure", "killed from outside"), 0.0, 0.0, "")
    assert elect([*cast("x", "y"), lost]).failure == failure("infrastructure", "killed from outside")


def test_one_vote_is_the_answer_whatever_its_type() -> None:
    answer = {1: b"\xff"}
    assert elect(cast(answer)).answer is answer


def test_times_of_all_votes_add_up() -> None:
    votes = [Outcome(f"val/a/{n}", "x", None, 1.0, 2.0, f"log {n}") for n in range(3)]
    elected = elect(votes)
    assert (elected.cpu_s, elected.wall_s, elected.log) == (3.0, 6.0, "log 0")


def test_keys_and_seeds_of_votes_are_those_that_old_logs_rest_on() -> None:
    (once,) = ballots(trial("val", Instance("a", 5), 2, 7), 1)
    assert (once.key, once.seed) == ("val/a/2", derive(7, "instance", "a", 2))
    votes = ballots(trial("val", Instance("a", 5), 2, 7), 3)
    assert [vote.key for vote in votes] == ["val/a/6", "val/a/7", "val/a/8"]
    assert [vote.seed for vote in votes] == [derive(once.seed, "vote", n) for n in range(3)]


def test_a_voted_result_stands_for_no_other() -> None:
    assert prepared_name("p", 1) == "p"
    assert prepared_name("p", 5) == "px5"
