"""Meta- and Feedback-Agent: their conversations end with one checked decision, or say why not."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

import msgspec
import pytest

from engine.agents.language import compact, memory, run_tools
from engine.agents.language.conversation import READING_SMALL, REPAIRS, REPAIRS_SMALL, SILENT
from engine.agents.language.feedback import FeedbackAgent
from engine.agents.language.meta import MetaAgent
from engine.agents.protocol import NoProposal, Proposal, View
from engine.agents.run_record import Candidate
from engine.events import types as t
from engine.models.protocol import Abilities, Reply
from engine.usage import Usage
from harness_repo.harness import parse
from tests.agent_tools import FILES, FakeRecord, FakeTools, calls, chooses, says, view

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


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"tool": "update_harness", "arguments": ' + '{"a": ' * 100_000, "Use one of the tools"),
        ('{"tool": "update_harness", "arguments": {"expected_gain": 1' + "0" * 30 + "}}", "more than 64 bits"),
        ('{"tool": "update_harness", "arguments": {"findings": "\\ud83d"}}', "Use one of the tools"),
    ],
)
def test_under_a_grammar_too_what_a_model_wrote_wrongly_goes_back_to_it(text: str, why: str) -> None:
    small = {"findings": "it guesses", "reason": "the rule", "evidence": ["g1"], "expected_gain": 0.1}
    right = chooses("update_harness", {**small, "params": {"method": "rule"}})
    tools = FakeTools(says(text), right, abilities=GRAMMAR)
    assert isinstance(improve(tools), Proposal)
    assert why in told(tools)


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


def test_reading_ends_by_tokens_of_which_the_model_is_told_and_the_tools_stay() -> None:
    tools = FakeTools(*[counted(turn, calls(READ)) for turn in range(1, 40)])
    made = improve(tools)
    assert isinstance(made, NoProposal)
    offers = {msgspec.json.encode(question.tools) for question in tools.questions}
    assert len(offers) == 1, "other tools would empty the prompt cache"
    told = [question.messages[-1].text for question in tools.questions]
    assert [place for place, text in enumerate(told) if "of your 100,000 tokens are left" in text] == [5, 8, 9]
    assert "50,000 of your 100,000 tokens are left for reading and trying; then decide with update_harness" in told[5]
    assert "your tokens for reading and trying are spent: decide now with update_harness" in told[10]
    assert "list_candidates is not answered any more" in told[11]
    assert len(tools.questions) == 10 + REPAIRS + 1
    assert {name for _, name in tools.used} == {"list_candidates"} and len(tools.used) == 10


def test_a_conversation_is_counted_by_what_each_turn_adds() -> None:
    """A prompt that is sent again counts once, and one that was made shorter frees nothing."""
    shorter = [Reply("", "tools", Usage(input=1000, output=9000), calls=calls(READ).calls) for _ in range(30)]
    tools = FakeTools(*shorter)
    improve(tools)
    assert len(tools.used) == 11, "10,000 tokens, and 9,000 more in each turn"


def test_a_server_that_counts_no_tokens_is_counted_for() -> None:
    tools = FakeTools(*[calls(READ) for _ in range(400)])
    tools.tokens = 4000
    improve(tools)
    assert 3 < len(tools.used) < 100


def counted(turn: int, reply: Reply) -> Reply:
    """The reply of that turn, with which the conversation has so many times 10,000 tokens."""
    return msgspec.structs.replace(reply, usage=Usage(input=100, output=400, cache_read=10_000 * turn - 500))


TRY = ("try_harness", {"why": "does the rule help?", "params": {"method": "rule"}, "cases": 30})


def test_a_harness_is_tried_and_the_decision_may_begin_from_a_try() -> None:
    tools = FakeTools(
        calls(READ),
        calls(TRY, ("try_harness", {"why": "a note?", "start": 1, "files": {"notes.md": "a"}, "out_of_fold": True})),
        calls(update(params={}, start=2)),
    )
    tools.evaluations = 100
    made = improve(tools)
    assert isinstance(made, Proposal)
    assert made.harness.params == {"method": "rule"} and made.harness.files["notes.md"] == b"a"
    assert tools.used == [(1, "list_candidates"), (2, "try_harness"), (3, "try_harness"), (4, "update_harness")]
    (_, first, cases, why), (ordinal, second, other, _) = tools.probed
    assert (cases.count, cases.out_of_fold, other.out_of_fold, why) == (30, False, True, "does the rule help?")
    assert "notes.md" not in first.files and second == made.harness and ordinal == 3
    assert told(tools).startswith("try 2: on 20 of train")


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ({"why": "x", "start": 1}, "there is no try 1; there have been 0"),
        ({"why": "x", "files": {"agent.py": "def solve(:"}}, "agent.py does not parse"),
        ({"why": "x", "cases": 0}, "cases"),
    ],
)
def test_a_try_that_does_not_hold_is_refused_and_gets_no_number(arguments: dict[str, Any], why: str) -> None:
    tools = FakeTools(calls(("try_harness", arguments)), calls(TRY), calls(update(params={}, start=1)))
    tools.evaluations = 100
    made = improve(tools)
    assert isinstance(made, Proposal) and made.harness.params == {"method": "rule"}
    assert why in tools.questions[1].messages[-1].text
    assert len(tools.probed) == 1


def test_where_nothing_may_be_tried_nothing_is_offered() -> None:
    tools = FakeTools(calls(TRY), calls(update()))
    analyse(tools)
    assert "try_harness" not in [tool.name for tool in tools.questions[0].tools]
    (final,) = [tool for tool in tools.questions[0].tools if tool.name == "update_harness"]
    assert "start" not in final.parameters["properties"]
    assert "there is no tool 'try_harness'" in told(tools)


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


def test_a_model_without_tools_decides_under_a_grammar() -> None:
    small = {"findings": "it guesses", "reason": "the rule", "evidence": ["g1"], "expected_gain": 0.1}
    tools = FakeTools(
        chooses("count_confusions", {"candidate": 1}),
        chooses("update_harness", {**small, "params": {"method": "rule"}}),
        abilities=GRAMMAR,
    )
    made = improve(tools)
    assert isinstance(made, Proposal)
    assert made.harness.params == {"method": "rule"}
    assert not tools.questions[0].tools
    schema = msgspec.json.encode(tools.questions[0].schema).decode()
    assert '"enum":["rule"]' in schema, "not the value that it has"
    assert [message.role for message in tools.questions[1].messages] == ["system", "user", "assistant", "user"]


def test_under_a_grammar_reading_ends_soon() -> None:
    tools = FakeTools(*[chooses("show_rewards", {"candidate": 1}) for _ in range(20)], abilities=GRAMMAR)
    assert isinstance(improve(tools), NoProposal)
    offered = [question.schema for question in tools.questions]
    assert len(offered) == READING_SMALL + REPAIRS_SMALL + 1
    assert all("anyOf" in (schema or {}) for schema in offered[:READING_SMALL])
    assert not any("anyOf" in (schema or {}) for schema in offered[READING_SMALL:])


def test_under_a_grammar_little_is_read_and_what_fails_is_told_at_once() -> None:
    tools = FakeTools(chooses("update_harness", {}), chooses("update_harness", {}), chooses("update_harness", {}),
                chooses("update_harness", {}), abilities=GRAMMAR)  # fmt: skip
    assert isinstance(improve(tools), NoProposal)
    first = tools.questions[0].messages
    assert sum(len(message.text) for message in first) < 3500
    assert "expected 7, given 0" in first[-1].text
    assert "ValueError: three" in first[-1].text


def test_under_a_grammar_no_candidate_that_is_known_is_offered_again() -> None:
    assert _offered(view())["params"] == {"anyOf": [_only("method", {"enum": ["rule"]})]}
    declined = view(declined=[{"method": "rule"}])
    assert "params" not in _offered(declined)
    assert _offered(declined)["files"] == {"anyOf": [_only("agent.py", {"type": "string"})]}


@pytest.mark.parametrize(
    ("declared", "offered"),
    [
        ('type = "int"\nlow = 0\nhigh = 3', [0, 1, 2, 3]),
        ('type = "int"\nlow = 1\nhigh = 1024\nlog = true', [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024]),
        ('type = "float"\nlow = 0.0\nhigh = 0.99999', [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.99999]),
    ],
)
def test_under_a_grammar_numbers_are_a_few_steps_of_their_range(declared: str, offered: list[float]) -> None:
    manifest = f'name = "toy"\n[tunables.x]\n{declared}\n'
    now = b"x = 0.25\n" if "float" in declared else b"x = 1\n"
    files = {**FILES, "harness.toml": manifest.encode(), "params.toml": now}
    (only,) = _offered(view(harness=parse(files)))["params"]["anyOf"]
    assert only["properties"]["x"]["enum"] == pytest.approx([value for value in offered if value != 1])


def _offered(seen: View) -> Any:
    return compact.decision("update_harness", seen).parameters["properties"]


def _only(name: str, shape: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": {name: shape}, "required": [name], "additionalProperties": False}


def written(agent: str) -> tuple[str, dict[str, Any]]:
    files = {"harness.toml": FILES["harness.toml"].decode(), "params.toml": 'method = "rule"', "agent.py": agent}
    return "write_harness", {"reason": "a start", "files": files}


def test_the_meta_agent_reads_writes_and_repairs_until_it_runs() -> None:
    good = FILES["agent.py"].decode()
    tools = FakeTools(
        calls(("read_train", {"first": 0, "count": 2}), ("read_file", {"path": "references/tables.md"})),
        calls(written("def solve(:")),
        calls(written(good)),
        calls(written(good)),
        breaks=["train-0: failed (candidate): NameError"],
    )
    made = asyncio.run(MetaAgent().write([tools]))
    assert isinstance(made, Proposal)
    assert made.reason == "a start"
    read = tools.questions[1].messages[-2:]
    assert "train-1: 1\n  label: 7" in read[0].text
    assert read[1].text.startswith("7 14 21")
    assert "does not parse" in tools.questions[2].messages[-1].text
    assert "NameError" in tools.questions[3].messages[-1].text


def test_a_meta_agent_that_writes_nothing_that_runs_says_so() -> None:
    tools = FakeTools(*[calls(written("def solve(:")) for _ in range(20)])
    made = asyncio.run(MetaAgent().write([tools]))
    assert isinstance(made, NoProposal)
    assert "does not parse" in made.reason


def test_a_later_attempt_of_the_meta_agent_goes_on_where_the_earlier_ones_ended() -> None:
    wrong, right = calls(written("def solve(:")), calls(written(FILES["agent.py"].decode()))
    first = FakeTools(*[wrong] * (REPAIRS + 1))
    second = FakeTools(*[wrong] * (REPAIRS + 1))
    third = FakeTools(right)
    made = asyncio.run(MetaAgent().write([first, second, third]))
    assert isinstance(made, Proposal)
    asked = [*first.questions, *second.questions, *third.questions]
    for before, after in itertools.pairwise(asked):
        assert after.messages[: len(before.messages) - 1] == before.messages[:-1], "one conversation, for the cache"
    assert len(asked[-1].messages) == 2 + 2 * 2 * (REPAIRS + 1)
    last = third.questions[0].messages[-1].text
    assert "does not parse" in last and "That made no harness" in last and "Go on from here" in last
    assert [place for place, _ in third.used] == [1], "each attempt has its own place in the log"


@pytest.mark.parametrize("abilities", [Abilities(), GRAMMAR])
def test_a_persons_hints_stand_in_the_opening_the_newest_last(abilities: Abilities) -> None:
    def opening(**changes: Any) -> str:
        tools = FakeTools(says(""), says(""), says(""), abilities=abilities)
        asyncio.run(FeedbackAgent("claude").analyse(view(**changes), tools))
        return tools.questions[0].messages[1].text

    hints = [t.RunHinted("look at the last digit", "ada"), t.RunHinted("seven times", "ada")]
    with_hints = opening(hints=hints)
    told = "Hints by a person who knows this task; begin with them:\n- look at the last digit\n- seven times\n\n"
    assert with_hints.replace(told, "") == opening() != with_hints


def test_of_many_hints_the_newest_are_told() -> None:
    (told,) = memory.hints(view(hints=[t.RunHinted(str(n) * 30, "ada") for n in range(9)]), 100)
    assert told.endswith("8" * 30) and "0" not in told
    assert memory.hints(view(), 100) == []


@pytest.mark.parametrize("abilities", [Abilities(), GRAMMAR])
def test_the_notebook_stands_in_the_opening_once_there_is_one(abilities: Abilities) -> None:
    def opening(**changes: Any) -> str:
        tools = FakeTools(says(""), says(""), says(""), abilities=abilities)
        asyncio.run(FeedbackAgent("claude").analyse(view(**changes), tools))
        return tools.questions[0].messages[1].text

    kept = opening(notebook="the rule is seven times x")
    assert kept.replace("Your notebook, as you left it:\nthe rule is seven times x\n\n", "") == opening() != kept


def test_a_decision_writes_the_notebook_anew() -> None:
    assert analyse(FakeTools(calls(update(notebook="seven times x")))).notebook == "seven times x"
    tools = FakeTools(calls(update(notebook="x" * 6001)), calls(update()))
    assert analyse(tools).notebook == ""
    assert "notebook" in told(tools)


def test_what_was_found_and_expected_before_a_candidate_stands_beside_its_verdict() -> None:
    record = FakeRecord()
    record.candidates = lambda: [Candidate(2, "use the rule", "method", "it guesses", 0.4)]  # type: ignore[method-assign]
    line = run_tools.candidates(view(), record)
    assert "rejected: not shown to be better" in line
    assert "found before: it guesses\n   expected on val: +0.4" in line
    assert "it guesses" not in run_tools.candidates(view(), record, brief=True)
