"""Where there is little to read, the opening tells it all, and the first reply can decide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from domains.contract import Instance
from engine.agents.language import brief
from engine.agents.language.brief.tried import tried
from engine.agents.protocol import PastGeneration, Proposal
from engine.events import types as t
from harness_repo.harness import parse
from tests.agent_tools import FILES, FakeRecord, FakeTools, calls, says, view
from tests.deciding import improve


class FewCases(FakeRecord):
    """One case of train, answered by each candidate."""

    references: Mapping[str, str] = {}
    train: Mapping[str, Instance] = dict(list(FakeRecord.train.items())[:2])

    def train_results(self, n: int) -> Sequence[t.InstanceFinished]:
        return super().train_results(n)[:1]


def few(*replies: object) -> FakeTools:
    tools = FakeTools(*replies)  # type: ignore[arg-type]
    tools.record, tools.evaluations = FewCases(), 100
    return tools


def decided(**changes: object) -> dict[str, object]:
    return {"reason": "it guesses, so use the rule", "expected_gain": 0.4, **changes}


def test_the_first_reply_can_decide_since_the_opening_has_files_and_answers() -> None:
    tools = few(calls(("update_harness", decided(params={"method": "rule"}))))
    made = improve(tools)
    assert isinstance(made, Proposal)
    assert made.harness.params == {"method": "rule"}
    (question,) = tools.questions
    opening = question.messages[1].text
    assert all(content.decode().strip() in opening for content in FILES.values())
    assert "case train-0" in opening
    assert [tool.name for tool in question.tools] == ["update_harness"]


def test_another_candidates_files_can_be_read_where_it_is_better_on_a_case() -> None:
    tools = few(*[says("hm")] * 3)
    tools.record = Better()
    improve(tools)
    (prompt, opening), offered = tools.questions[0].messages, [tool.name for tool in tools.questions[0].tools]
    assert offered == ["read_file", "update_harness"]
    assert "`read_file`" in prompt.text
    assert "candidate 2 on 1" in opening.text
    assert "`read_file`" not in brief.prompt(view(), few()).text


class Better(FewCases):
    """The case that candidate 2 alone answers right."""

    def train_results(self, n: int) -> Sequence[t.InstanceFinished]:
        return FakeRecord.train_results(self, n)[1:2]


def test_a_request_is_at_most_a_third_as_long_but_for_the_task() -> None:
    def length(tools: FakeTools) -> int:
        asked = tools.questions[0]
        return len(asked.messages[0].text) + sum(len(str(tool)) for tool in asked.tools)

    short, usual = few(*[says("hm")] * 3), FakeTools(*[says("hm")] * 3)
    short.has_task_model = usual.has_task_model = False
    usual.evaluations = 100
    improve(short), improve(usual)
    assert 3 * length(short) < length(usual)


def test_the_definition_of_the_decision_has_no_more_than_it_needs() -> None:
    with_values, without = brief.tool(view().harness), brief.tool(parse({"harness.toml": b'name = "p"', **_PROGRAM}))
    known = set(with_values.parameters["properties"])
    assert known == {"reason", "expected_gain", "replacements", "files", "params"}
    assert set(without.parameters["properties"]) == known - {"params"}
    assert not any(word in str(with_values) for word in ("maxLength", "minimum", "default", "A change of"))


_PROGRAM = {"agent.py": b"def solve(instance, ctx):\n    return 0\n"}


@pytest.mark.parametrize(
    "rejected",
    [{"params": {}}, {"evidence": []}, {"files": {"agent.py": "def solve(:"}}, {"reason": "x" * 5000}],
)
def test_a_decision_that_does_not_hold_goes_back(rejected: dict[str, object]) -> None:
    right = decided(params={"method": "rule"})
    tools = few(calls(("update_harness", right | rejected if rejected.get("params") is None else decided())))
    tools.replies.append(calls(("update_harness", right)))
    assert isinstance(improve(tools), Proposal)
    assert tools.questions[-1].messages[-1].failed


def past(n: int, *, accepted: bool) -> PastGeneration:
    return PastGeneration(n, f"h{n}", {}, "harness", f"0.{n:03}", accepted=accepted, verdict="judged")


def test_of_many_candidates_the_latest_are_told_and_the_last_that_were_accepted_before() -> None:
    told = tried(
        view(past=[past(n, accepted=n in (1, 3, 7, 28)) for n in range(1, 31)], failed=["a", "b", "it fell silent"]),
        FewCases(),
    )
    first, *lines = told.splitlines()
    assert first == "(23 earlier candidates left out)"
    assert [line.partition(":")[0] for line in lines[:7]] == ["3", "7", "26", "27", "28", "29", "30"]
    assert lines[7:] == [f"an attempt after 2 came to nothing: {why}" for why in ("b", "it fell silent")]


def test_a_candidate_is_told_with_its_change_its_reason_and_why_it_failed() -> None:
    record = FakeRecord()
    told = tried(view(past=[past(1, accepted=True), past(2, accepted=False)]), record)
    assert told.splitlines() == [
        "1: val 0.001, judged; failed: ValueError: three",
        "2: val 0.002, judged. method: use the rule",
    ]


def test_many_cases_a_large_harness_or_a_model_to_train_need_the_whole_conversation() -> None:
    assert brief.applies(view(), few())
    assert not brief.applies(view(), FakeTools())
    trainable = few()
    trainable.trainable = True
    assert not brief.applies(view(), trainable)
    large = parse({**FILES, "notes.md": b"x" * brief.CHARACTERS})
    assert not brief.applies(view(harness=large), few())


@pytest.mark.parametrize(
    "more",
    [
        {"references": {"tables.md": "7 14 21"}},
        {"task": "x" * 7000},
        {"train": {"train-0": Instance("train-0", "x" * 500, 0)}},
    ],
)
def test_what_the_opening_cannot_tell_needs_the_whole_conversation(more: dict[str, object]) -> None:
    tools = few()
    vars(tools.record).update(more)
    assert not brief.applies(view(), tools)


def test_of_a_long_log_the_end_is_told_where_it_says_what_failed() -> None:
    tools = few()
    tools.record.log = lambda result: "step\n" * 1000 + "ValueError: three"  # type: ignore[method-assign]
    assert "ValueError: three" in brief.opening(view(), tools, 8000)
