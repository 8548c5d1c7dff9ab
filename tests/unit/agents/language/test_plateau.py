"""After rejections in a row another approach is asked for, then the other lever; the Analysis says so."""

from __future__ import annotations

import asyncio

import pytest

from engine.agents.language import plateau
from engine.agents.language.feedback import FeedbackAgent
from engine.agents.protocol import PastGeneration
from engine.events import types as t
from tests.agent_tools import FakeTools, calls, view
from tests.deciding import update

UPDATE = calls(update())
WEIGHTS = {"findings": "f", "reason": "r", "evidence": ["g1"], "expected_gain": 0.1, "algorithm": "grpo"}


def judged(*levers: t.Lever | None, accepted: tuple[int, ...] = (1,)) -> list[PastGeneration]:
    return [
        PastGeneration(n, f"h{n}", {}, lever, "", accepted=n in accepted, verdict="")
        for n, lever in enumerate((None, *levers), 1)
    ]


@pytest.mark.parametrize(("rejections", "asked"), [(0, False), (2, False), (3, True), (9, True)])
def test_another_approach_is_asked_for_after_three_rejections(rejections: int, asked: bool) -> None:
    tools = FakeTools(UPDATE)
    seen = view(past=judged(*["harness"] * rejections))
    found = asyncio.run(FeedbackAgent("claude").analyse(seen, tools))
    assert ("Take an approach that none of them took" in tools.questions[0].messages[1].text) == asked
    assert found.findings.startswith("(After ") == asked
    assert found.findings.endswith("it guesses")


def test_an_acceptance_begins_the_count_anew() -> None:
    assert plateau.rejected(view(past=judged(*["harness"] * 5, accepted=(1, 4)))) == 2


@pytest.mark.parametrize(
    ("levers", "only"),
    [
        (["harness"] * 5, False),
        (["harness"] * 6, True),
        ([*["harness"] * 6, "weights"], False),
        (["weights", *["harness"] * 6], False),
    ],
)
def test_the_other_lever_is_asked_for_once(levers: list[t.Lever], only: bool) -> None:
    tools = FakeTools(calls(("update_weights", WEIGHTS)) if only else UPDATE)
    tools.trainable = True
    seen = view(past=judged(*levers))
    asyncio.run(FeedbackAgent("claude").analyse(seen, tools))
    offered = {tool.name for tool in tools.questions[0].tools} & {"update_harness", "update_weights"}
    assert offered == ({"update_weights"} if only else {"update_harness", "update_weights"})
