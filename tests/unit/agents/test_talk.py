"""A question to an agent's model: what it is offered and told, with tools and without."""

from __future__ import annotations

import asyncio

import msgspec

from engine.agents.protocol import NoProposal
from engine.agents.talk import PAGE, Answer, Exchange, answer
from engine.models.protocol import Abilities, Reply, ToolCall
from engine.usage import Usage
from tests.agent_tools import FakeTools, view


def replied(**arguments: str) -> Reply:
    return Reply("", "tools", Usage(), calls=[ToolCall("a", "answer", arguments)])


def test_it_is_offered_what_reads_and_nothing_that_changes_or_executes() -> None:
    tools = FakeTools(replied(text="two", hint="seven"))
    assert asyncio.run(answer(view(), tools, "how many?", [])) == Answer("two", "seven")
    names = {tool.name for tool in tools.questions[0].tools}
    assert {"list_candidates", "read_file", "run_python", "answer"} <= names
    assert names.isdisjoint({"update_harness", "update_weights", "try_harness", "write_harness"})
    assert tools.tried == tools.probed == []


def test_a_model_without_tools_answers_under_a_grammar() -> None:
    told = Reply(msgspec.json.encode({"tool": "answer", "arguments": {"text": "two"}}).decode(), "stop", Usage())
    tools = FakeTools(told, abilities=Abilities(tools=False))
    assert asyncio.run(answer(view(), tools, "how many?", [])) == Answer("two")
    assert tools.questions[0].schema is not None


def test_an_answer_without_text_goes_back() -> None:
    tools = FakeTools(replied(text=""), replied(text="two"))
    assert asyncio.run(answer(view(), tools, "how many?", [])) == Answer("two")


def test_a_model_that_never_answers_leads_to_the_reason() -> None:
    found = asyncio.run(answer(view(), FakeTools(*[Reply("well", "stop", Usage())] * 3), "how many?", []))
    assert isinstance(found, NoProposal)


def test_of_long_conversations_the_newest_part_is_told() -> None:
    tools = FakeTools(replied(text="two"))
    before = [Exchange(f"question {n}", "x" * (PAGE // 3)) for n in range(5)]
    asyncio.run(answer(view(), tools, "how many?", before))
    opening = tools.questions[0].messages[1].text
    assert [n for n in range(5) if f"question {n}" in opening] == [3, 4]
    assert opening.endswith("how many?")
