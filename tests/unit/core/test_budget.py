"""Budgets warn twice, refuse what they cannot pay for, and say which one ended the run."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from engine.core import budget
from engine.core.decide import RULES
from engine.events import types as t
from tests.histories import Memory, Play, settings, started


def played(cap: t.Budget, **changes: object) -> Play:
    play = Play(Memory(), started(settings(budget=cap, **changes)))
    play.to_rest()
    return play


def payloads(play: Play, kind: type[t.Payload]) -> list[t.Payload]:
    return [event.payload for event in play.log.events if isinstance(event.payload, kind)]


def test_it_warns_once_at_half_and_once_at_four_fifths() -> None:
    play = played(t.Budget(evaluations=60))
    warned = payloads(play, t.BudgetWarned)
    assert [(one.resource, one.share) for one in warned] == [("evaluations", 0.5), ("evaluations", 0.8)]  # type: ignore[attr-defined]
    assert all(one.share * one.cap <= one.spent <= one.cap for one in warned)  # type: ignore[attr-defined]


def test_no_cap_no_warning() -> None:
    assert payloads(played(t.Budget()), t.BudgetWarned) == []


@pytest.mark.parametrize(("cap", "generations"), [(13, 0), (14, 1), (27, 1), (28, 2), (1000, 3)])
def test_an_execution_begins_only_where_all_of_it_is_paid_for(cap: int, generations: int) -> None:
    play = played(t.Budget(evaluations=cap))
    executed = payloads(play, t.ExecutionFinished)
    assert len(executed) == generations
    assert play.state.spent.evaluations <= cap


@pytest.mark.parametrize("rules", [4, RULES])
def test_an_execution_with_all_its_results_is_finished_whatever_is_left(rules: int) -> None:
    calm = Play(Memory(), replace(started(settings(budget=t.Budget(evaluations=14))), rules=rules))
    calm.to_rest()
    finished = next(i for i, event in enumerate(calm.log.events) if event.type == t.ExecutionFinished.type)
    log = Memory()
    log.events, log.blobs = calm.log.events[:finished], calm.log.blobs
    play = Play(log, history=log.events)  # its engine died then
    play.to_rest()
    assert len(payloads(play, t.ExecutionFinished)) == (rules == RULES)


def test_the_end_names_the_budget_and_what_was_wanted() -> None:
    play = played(t.Budget(evaluations=20))
    assert play.state.reason == (
        "the budget of 20 evaluations is used up (14 spent, and the next execution takes 14); "
        "nothing improved: only the first candidate was executed"
    )


def test_minutes_end_a_run_too() -> None:
    play = played(t.Budget(minutes=0.5))
    assert "the budget of 0.5 minutes is used up" in play.state.reason
    assert len(payloads(play, t.BudgetExhausted)) == 1


def test_what_was_reused_counts_like_what_was_fresh() -> None:
    play = Play(Memory(), started(settings(budget=t.Budget(evaluations=20))))
    state = play.state
    fresh = t.InstanceFinished("h", "val", "i", 0, 1, "p", 1.0)
    play.append(0, fresh, t.InstanceFinished("h", "val", "j", 0, 1, "p", 1.0, reused=True))
    assert budget.spending(state)["evaluations"][0] == 0
    assert budget.spending(play.state)["evaluations"][0] == 2


@pytest.mark.parametrize(
    ("changes", "cost"), [({}, 14), ({"repeats": 3}, 42), ({"train_sample": 99}, 18), ({"noisy": True}, 26)]
)
def test_what_the_next_execution_takes(changes: dict[str, object], cost: int) -> None:
    assert budget.execution_cost(played(t.Budget(), **changes).state) == cost


def test_an_improvement_leaves_enough_for_the_execution_after_it() -> None:
    play = played(t.Budget(evaluations=31))
    assert len(payloads(play, t.ProbeFinished)) == 1  # 14 + 3, and 14 are left; a second probe would not leave them
    assert play.state.spent.evaluations == 31
