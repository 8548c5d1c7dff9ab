"""A Feedback-Agent that plays a list of replies, and what it decides."""

from __future__ import annotations

import asyncio
from typing import Any

from engine.agents.language.feedback import FeedbackAgent
from engine.agents.protocol import NoProposal, Proposal
from engine.events import types as t
from engine.models.protocol import Abilities
from tests.agent_tools import FakeTools, view

ANALYSIS = t.AnalysisFinished("", "harness", "")

GRAMMAR = Abilities(tools=False, schema=True)

READ = ("list_candidates", {})


def update(**changes: Any) -> tuple[str, dict[str, Any]]:
    known = {
        "findings": "it guesses", "reason": "use the rule", "evidence": ["g1/train-1"], "expected_gain": 0.4,
        "params": {"method": "rule"},
    }  # fmt: skip
    return "update_harness", known | changes


def analyse(tools: FakeTools) -> t.AnalysisFinished:
    return asyncio.run(FeedbackAgent("claude").analyse(view(), tools))


def improve(tools: FakeTools) -> Proposal | NoProposal:
    return asyncio.run(FeedbackAgent("claude").improve(view(), ANALYSIS, tools))


def told(tools: FakeTools) -> str:
    """The last message that the model was sent."""
    return tools.questions[-1].messages[-1].text
