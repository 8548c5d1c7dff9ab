"""Where there is little to read, the opening tells it all, and the first reply can decide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from domains.contract import Instance
from engine.agents.language import brief
from engine.agents.protocol import Proposal
from engine.events import types as t
from harness_repo.harness import parse
from tests.agent_tools import FILES, FakeRecord, FakeTools, calls, says, view
from tests.deciding import improve


class FewCases(FakeRecord):
    """One case of train, answered by each candidate."""

    train: Mapping[str, Instance] = dict(list(FakeRecord.train.items())[:2])

    def train_results(self, n: int) -> Sequence[t.InstanceFinished]:
        return super().train_results(n)[:1]


def few(*replies: object) -> FakeTools:
    tools = FakeTools(*replies)  # type: ignore[arg-type]
    tools.record, tools.evaluations = FewCases(), 100
    return tools


def decided(**changes: object) -> dict[str, object]:
    return {"findings": "it guesses", "reason": "use the rule", "expected_gain": 0.4, **changes}


def test_the_first_reply_can_decide_since_the_opening_has_files_and_answers() -> None:
    tools = few(calls(("update_harness", decided(params={"method": "rule"}))))
    made = improve(tools)
    assert isinstance(made, Proposal)
    assert made.harness.params == {"method": "rule"}
    (question,) = tools.questions
    opening = question.messages[1].text
    assert all(content.decode().strip() in opening for content in FILES.values())
    assert "case train-0" in opening
    assert [tool.name for tool in question.tools] == ["read_file", "run_python", "update_harness"]


def test_prompt_and_tools_are_at_most_half_as_long() -> None:
    def length(tools: FakeTools) -> int:
        asked = tools.questions[0]
        return len(asked.messages[0].text) + sum(len(str(tool)) for tool in asked.tools)

    short, usual = few(*[says("hm")] * 3), FakeTools(*[says("hm")] * 3)
    usual.evaluations = 100
    improve(short), improve(usual)
    assert 2 * length(short) < length(usual)


@pytest.mark.parametrize("rejected", [{"params": {}}, {"evidence": []}, {"files": {"agent.py": "def solve(:"}}])
def test_a_decision_that_does_not_hold_goes_back(rejected: dict[str, object]) -> None:
    tools = few(
        calls(("update_harness", decided(**rejected))), calls(("update_harness", decided(params={"method": "rule"})))
    )
    assert isinstance(improve(tools), Proposal)
    assert tools.questions[-1].messages[-1].failed


def test_many_cases_a_large_harness_or_a_model_to_train_need_the_whole_conversation() -> None:
    assert brief.applies(view(), few())
    assert not brief.applies(view(), FakeTools())
    trainable = few()
    trainable.trainable = True
    assert not brief.applies(view(), trainable)
    large = parse({**FILES, "notes.md": b"x" * brief.CHARACTERS})
    assert not brief.applies(view(harness=large), few())
