"""Reading ends by tokens, and a harness may be tried before it is decided on."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from engine.agents.language.conversation import REPAIRS
from engine.agents.protocol import NoProposal, Proposal
from engine.models.protocol import Reply
from engine.usage import Usage
from tests.agent_tools import FakeTools, calls
from tests.deciding import READ, analyse, improve, told, update

TRY = ("try_harness", {"why": "does the rule help?", "params": {"method": "rule"}, "cases": 30})


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
