"""What a run has spent and may cost: by role, by lever, for each accepted point."""

from __future__ import annotations

import pytest

from domains.contract import Instance
from engine.events import types as t
from engine.queries.costs import costs
from engine.queries.estimate import AGENT_TURNS, JUDGE_QUESTIONS, TASK_REPLY, estimate
from engine.usage import Usage
from sia_tui.cli.formats import dollars
from tests.agent_tools import HARNESS
from tests.histories import Memory, Play, settings, started

USAGE = t.Usage(input=100, output=20)


class Talking(Play):
    """Calls a model in each Execution and each Analysis."""

    def append(self, generation: int, *payloads: t.Payload, contents: tuple[bytes, ...] = ()) -> None:  # type: ignore[override]
        super().append(generation, *payloads, contents=contents)
        for payload in payloads:
            if isinstance(payload, t.StepStarted) and payload.kind in ("execute", "analyse"):
                role: t.ModelRole = "task" if payload.kind == "execute" else "feedback"
                call = t.ModelCalled(role, "m", "place", 0, "q", "r", "stop", USAGE, usd=0.5)
                super().append(generation, call)


def test_spend_is_told_by_role_by_lever_and_by_accepted_point() -> None:
    play = Talking(Memory())
    play.to_rest()
    found = costs(play.log.events)
    by = {row["on"]: row for row in found["by"]}
    assert (by["task model"]["calls"], by["task model"]["usd"]) == (3, 1.5)
    assert (by["Feedback-Agent"]["tokens"], by["Feedback-Agent"]["usd"]) == (2 * 120, 1.0)
    levers = {row["lever"]: row for row in found["levers"]}
    assert levers["first"]["usd"] == 0.5
    assert levers["harness"]["usd"] == 2.0
    assert found["usd"] == 2.5
    gain = levers["harness"]["gain"]
    assert gain == found["gain"] > 0
    assert levers["harness"]["usd_per_accepted_point"] == pytest.approx(2.0 / (gain * 100))


def test_reused_tokens_stand_apart_and_cost_nothing() -> None:
    play = Play(Memory())
    play.append(
        0, t.StepStarted("baseline", 1), t.ModelCalled("task", "m", "p", 0, "q", "r", "stop", USAGE, reused=True)
    )
    row = next(row for row in costs(play.log.events)["by"] if row["on"] == "task model")
    assert (row["calls"], row["tokens"], row["reused_tokens"], row["usd"]) == (0, 0, 120, 0.0)


def test_a_call_of_unknown_price_is_counted_and_not_free() -> None:
    play = Play(Memory())
    unpriced = t.ModelCalled("task", "m", "p", 0, "q", "r", "stop", USAGE, unpriced=True)
    play.append(0, t.StepStarted("baseline", 1), unpriced, t.ModelCalled("task", "m", "p", 1, "q", "r", "stop", USAGE))
    found = costs(play.log.events)
    row = next(row for row in found["by"] if row["on"] == "task model")
    assert (row["calls"], row["unpriced"], found["unpriced"]) == (2, 1, 1)
    assert dollars(row["usd"], row["unpriced"]) == "unknown"
    assert dollars(0.5, 1) == "0.5000 + unknown"
    assert dollars(0.5, 0) == "0.5000"


def test_an_estimate_counts_conversations_and_instances() -> None:
    sample = [Instance("a", "x" * 300, 0)]

    def dollars(usage: Usage) -> float:
        return usage.output / 1000

    chosen = settings(generations=3)
    both = estimate(chosen, 14, HARNESS, sample, agent=dollars, task=dollars, at_once=2)
    assert both.calls == 3 * AGENT_TURNS + 3 * 14
    task = estimate(chosen, 14, HARNESS, sample, agent=None, task=dollars, at_once=2)
    assert (task.calls, task.usd) == (42, pytest.approx(42 * TASK_REPLY / 1000))
    assert both.usd > task.usd
    assert estimate(chosen, 14, HARNESS, sample, agent=None, task=None, at_once=2).calls == 0
    again = estimate(chosen, 1, HARNESS, sample, agent=None, task=dollars, at_once=2, again=8)
    assert again.calls == 3 + 8
    judged = estimate(chosen, 14, HARNESS, sample, agent=None, task=None, at_once=2, judge=dollars, judged=30)
    assert (judged.calls, judged.usd > 0) == (30 * JUDGE_QUESTIONS, True)


def test_the_projection_is_what_was_spent_and_the_mean_for_what_is_left() -> None:
    play = Talking(Memory(), started(settings(generations=3)))
    play.to_rest()
    whole = costs(play.log.events)
    assert whole["projection"] is None  # nothing is left
    assert [row["usd"] for row in whole["generations"] if row["n"]] == [1.0, 1.0, 0.5]
    second = next(event.n for event in play.log.events if event.generation == 2)
    found = costs(play.log.events[:second])
    assert found["projection"]["generations"] == 3
    assert found["projection"]["usd"] == pytest.approx(3.0)  # the first generation took a dollar
    first = next(event.n for event in play.log.events if event.generation == 1)
    assert costs(play.log.events[:first])["projection"] is None
