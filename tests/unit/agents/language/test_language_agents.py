"""The Feedback-Agent's conversation ends with one checked decision, or says why not."""

from __future__ import annotations

from typing import Any

import pytest

from engine.agents.language.conversation import REPAIRS, SILENT
from engine.agents.protocol import NoProposal, Proposal
from engine.models.protocol import Reply
from engine.usage import Usage
from tests.agent_tools import FILES, FakeTools, calls, says
from tests.deciding import READ, analyse, improve, told, update


def test_analysis_goes_as_far_as_the_first_decision_and_cites_events() -> None:
    tools = FakeTools(calls(READ), calls(update()))
    found = analyse(tools)
    assert (found.findings, found.lever, found.reason, found.expected_gain) == (
        "it guesses", "harness", "use the rule", 0.4,
    )  # fmt: skip
    assert found.evidence == [5, 10], "the view's, and that of the cited answer"
    assert len(tools.tried) == 1, "a harness runs before its decision is recorded"


def test_the_decision_that_is_recorded_is_the_one_that_held() -> None:
    tools = FakeTools(
        calls(update(expected_gain=0.9)), calls(update(reason="repaired", expected_gain=0.1)), breaks=["NameError: x"]
    )
    found = analyse(tools)
    assert (found.reason, found.expected_gain) == ("repaired", 0.1)


def test_improvement_is_the_same_conversation_and_makes_the_candidate() -> None:
    tools = FakeTools(calls(READ), calls(update()))
    made = improve(tools)
    assert isinstance(made, Proposal)
    assert made.harness.params == {"method": "rule"}
    assert made.changed == "method guess → rule"
    assert tools.used == [(1, "list_candidates"), (2, "update_harness")]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"files": {"agent.py": "def solve(:"}}, "agent.py does not parse"),
        ({"files": {"harness.toml": "name ="}}, "harness.toml"),
        ({"params": {"method": "magic"}}, "outside what harness.toml declares"),
        ({"params": {}}, "changes nothing"),
        ({"replacements": [{"path": "agent.py", "old": "return 1", "new": "return 2"}]}, "occurs 0 times"),
        ({"replacements": [{"path": "other.py", "old": "a", "new": "b"}]}, "no file 'other.py'"),
        ({"remove": ["other.py"]}, "no file 'other.py' to remove"),
        ({"evidence": ["g9"]}, "'g9' is no evidence"),
        ({"evidence": ["val-1"]}, "'val-1' is no evidence"),
        ({"expected_gain": "much"}, "expected_gain"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_a_decision_that_does_not_hold_goes_back_with_the_reason(change: dict[str, Any], why: str) -> None:
    tools = FakeTools(calls(update(**change)), calls(update()))
    assert analyse(tools).reason == "use the rule"
    assert tools.questions[-1].messages[-1].failed
    assert why in told(tools)


def test_a_harness_that_does_not_run_goes_back_and_is_repaired() -> None:
    tools = FakeTools(calls(update()), calls(update(reason="repaired")), breaks=["NameError: x"])
    made = improve(tools)
    assert isinstance(made, Proposal)
    assert made.reason == "repaired"
    assert "NameError: x" in told(tools)


def test_whole_files_replacements_and_removals_make_one_edit() -> None:
    edit = update(
        params={},
        files={"notes.md": "hello"},
        replacements=[{"path": "agent.py", "old": "return 0", "new": "return 7"}],
    )
    made = improve(FakeTools(calls(edit)))
    assert isinstance(made, Proposal)
    assert made.harness.files["agent.py"] == b"def solve(instance, ctx):\n    return 7\n"
    assert made.harness.files["notes.md"] == b"hello"
    assert made.changed == "agent.py, notes.md"


def test_decisions_are_sent_back_so_often_and_no_more() -> None:
    tools = FakeTools(*[calls(update()) for _ in range(9)], breaks=["it breaks"] * 9)
    made = improve(tools)
    assert isinstance(made, NoProposal)
    assert "it breaks" in made.reason
    assert len(tools.tried) == REPAIRS + 1


def test_of_two_decisions_at_once_none_counts() -> None:
    tools = FakeTools(calls(update(), update()), calls(update()))
    assert analyse(tools).reason == "use the rule"
    assert {message.text for message in tools.questions[-1].messages[-2:]} == {
        "end with one decision, not with several"
    }


def test_words_alone_and_unknown_tools_are_answered_and_the_talk_goes_on() -> None:
    tools = FakeTools(says("I think ..."), calls(("shell", {})), calls(update()))
    assert analyse(tools).lever == "harness"
    assert "there is no tool 'shell'" in told(tools)


def test_a_reply_that_was_cut_off_is_no_decision() -> None:
    cut = Reply("", "length", Usage(), calls=calls(update()).calls)
    tools = FakeTools(cut, calls(update(reason="shorter")))
    assert analyse(tools).reason == "shorter"
    assert "cut off" in told(tools)


def test_a_model_whose_replies_are_always_cut_off_is_given_up_after_a_few() -> None:
    tools = FakeTools(*[Reply("", "length", Usage(), calls=calls(update()).calls)] * 20)
    made = improve(tools)
    assert isinstance(made, NoProposal) and "cut off" in made.reason
    assert len(tools.questions) == REPAIRS + 1


def test_weights_are_no_choice_where_nothing_can_be_trained() -> None:
    tools = FakeTools(calls(("update_weights", {})), calls(update()))
    analyse(tools)
    assert "update_weights" not in [tool.name for tool in tools.questions[0].tools]
    assert "there is no tool 'update_weights'" in told(tools)
    able = FakeTools(calls(("update_weights", trains())))
    able.trainable = True
    decided = analyse(able)
    assert "update_weights" in [tool.name for tool in able.questions[0].tools]
    assert (decided.lever, decided.algorithm, decided.recipe) == ("weights", "grpo", {"rank": 8, "learning_rate": 1e-4})


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"algorithm": "sarsa"}, "there is no training algorithm"),
        ({"hyper_parameters": {"rank": 0}}, "the hyper-parameter rank cannot be 0"),
        ({"hyper_parameters": {"beta": 1}}, "grpo has no hyper-parameter 'beta'"),
    ],
)
def test_wrong_hyper_parameters_go_back_to_the_agent(wrong: dict[str, Any], why: str) -> None:
    tools = FakeTools(calls(("update_weights", trains() | wrong)), calls(("update_weights", trains())))
    tools.trainable = True
    assert analyse(tools).algorithm == "grpo"
    assert why in told(tools)


def trains() -> dict[str, Any]:
    """The arguments of `update_weights`."""
    said = {"findings": "it half knows", "reason": "bring it out", "evidence": ["g1"], "expected_gain": 0.1}
    return {**said, "algorithm": "grpo", "hyper_parameters": {"rank": 8, "learning_rate": 1e-4}}


@pytest.mark.parametrize("text", ["I would change the prompt.", ""])
def test_a_model_that_calls_no_tool_is_given_up_after_three_replies(text: str) -> None:
    tools = FakeTools(*[says(text)] * 40)
    made = improve(tools)
    assert isinstance(made, NoProposal) and "calls no tool" in made.reason
    assert len(tools.questions) == SILENT


def test_a_harness_that_was_judged_before_goes_back_without_being_run() -> None:
    first = improve(FakeTools(calls(update())))
    assert isinstance(first, Proposal)
    tools = FakeTools(calls(update()), calls(update(params={}, files={"notes.md": "other"})))
    tools.record.files = lambda n: first.harness.files if n == 2 else FILES  # type: ignore[method-assign]
    made = improve(tools)
    assert isinstance(made, Proposal) and "notes.md" in made.harness.files
    assert "exactly the files of candidate 2" in told(tools)
    assert len(tools.tried) == 1


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"params": {}, "files": {"agent.py": "# better\ndef solve(a, b):\n    return 0\n"}}, ""),
        ({"params": {}, "files": {"agent.py": "# better\ndef solve( instance, ctx ):\n    return 0\n"}}, "comments"),
        ({"files": {"notes.md": " 2\n"}}, "but for comments and layout the files of candidate 2, which was judged"),
        ({"params": {}, "files": {"notes.md": "declined"}}, "a person declined"),
    ],
)
def test_what_is_known_but_for_comments_and_layout_costs_no_trial(change: dict[str, Any], why: str) -> None:
    tools = FakeTools(calls(update(**change)), calls(update(params={}, files={"notes.md": "other"})))
    made = improve(tools)
    assert isinstance(made, Proposal)
    assert len(tools.tried) == 1
    assert why in told(tools) if why else len(tools.questions) == 1
