"""A reply that is heard while it arrives is the reply that comes in one piece, and is counted as that is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from engine.models.calling import Position
from engine.models.protocol import ContextTooLong, Message, Reply, Request, RetryableError
from engine.usage import Usage
from tests.fakes.model import Ledger, caller
from tests.fakes.openai_server import OpenAIServer, Plan, Use
from tests.fakes.serving import Answer, Asked, Server
from tests.unit.models.backends.openai_client import LONG, TOOL, using

pytest.importorskip("httpx2", reason="needs the extra agents")

from engine.models.backends.openai import OpenAI

CHAT, RESPONSES = "gpt-5", "gpt-5.5"
ASK = Request("m", [Message("user", "Look.")], tools=[TOOL], tool_choice="any")
CALLS = [Use("look", '{"n": 12, "why": "…"}', "a"), Use("look", "{}", "b")]
AT = Position("feedback", "improve/1", 0)
PLANS = {
    "text and calls": Plan("Let me see.", CALLS, reasoning="what is there?"),
    "calls only": Plan("", CALLS),
    "text": Plan(LONG),
    "thoughts in the text": Plan("<think>so</think>42"),
    "a call as text": Plan('<tool_call>{"name": "look", "arguments": {"n": 1}}</tool_call>'),
    "arguments cut off": Plan("", [Use("look", '{"n": ')]),
    "cut": Plan(LONG, finish="length"),
}


def told(plan: Plan, name: str, listens: bool, **more: Any) -> tuple[Reply, list[str], list[dict[str, Any]]]:
    """The reply to `ASK`, what was heard of it, and the requests."""
    heard: list[str] = []
    ask = Request(name, ASK.messages, tools=ASK.tools, tool_choice="any")
    with OpenAIServer(lambda _: plan, models=(name,), **more) as server:
        reply = using(server, "openai", lambda m: m.chat(ask, heard.append if listens else None), name=name)
        return reply, heard, [record.body for record in server.wait_for(1)]


@pytest.mark.parametrize("name", [CHAT, RESPONSES])
@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
def test_a_streamed_reply_is_the_whole_one(plan: Plan, name: str) -> None:
    (whole, _, _), (streamed, heard, _) = told(plan, name, False), told(plan, name, True)
    assert streamed == whole
    assert streamed.usage.output > 0
    assert "".join(heard).startswith(plan.text or "\nlook ")
    assert [use.arguments in "".join(heard) for use in plan.calls] == [True] * len(plan.calls)
    assert len(heard) > 1


@pytest.mark.parametrize("name", [CHAT, RESPONSES])
def test_a_model_that_may_not_be_streamed_is_asked_once_more_and_then_whole(name: str) -> None:
    with OpenAIServer(lambda _: Plan(LONG), models=(name,), refuses=("stream",)) as server:

        async def twice(model: OpenAI) -> list[Reply]:
            return [await model.chat(Request(name, ASK.messages, tools=[TOOL]), lambda _: None) for _ in range(2)]

        replies = using(server, "openai", twice, name=name)
        records = server.wait_for(3)
    assert [reply.text for reply in replies] == [LONG, LONG]
    assert [(record.status, "stream" in record.body) for record in records] == [(400, True), (200, False), (200, False)]


@pytest.mark.parametrize("refuses", ["stream", "stream_options"])
def test_a_server_without_streams_keeps_working(refuses: str) -> None:
    assert told(Plan(LONG), CHAT, True, refuses=(refuses,))[0] == told(Plan(LONG), CHAT, False)[0]


def test_a_server_that_takes_no_notice_of_streams_keeps_working() -> None:
    reply, _, bodies = told(Plan(LONG, CALLS), CHAT, True, streams=False)
    assert reply == told(Plan(LONG, CALLS), CHAT, False)[0]
    assert len(bodies) == 1


def test_a_server_whose_streams_count_nothing_is_asked_whole_from_then_on() -> None:
    def script(asked: Asked) -> Plan:
        asked.body.pop("stream_options", None)  # as a server that does not know it
        return Plan(LONG)

    with OpenAIServer(script, models=(CHAT,)) as server:

        async def twice(model: OpenAI) -> list[Usage]:
            return [(await model.chat(Request(CHAT, ASK.messages), lambda _: None)).usage for _ in range(2)]

        first, second = using(server, "openai", twice, name=CHAT)
    assert (first, second.output) == (Usage(), len(LONG))


def test_a_prompt_that_ollama_has_cut_is_seen_in_a_stream_too() -> None:
    long = Request("m", [Message("user", "look " * 2000)])
    with (
        OpenAIServer(lambda _: Plan(LONG), kind="ollama", window=100) as server,
        pytest.raises(ContextTooLong, match="cut the prompt"),
    ):
        using(server, "ollama", lambda m: m.chat(long, lambda _: None), window=100)


def counted(script: Callable[[Asked], Plan], name: str) -> tuple[Reply | Exception, Ledger, list[list[str]]]:
    """What a caller that listens gets of a server, its ledger, and what was heard in each attempt."""
    heard: list[list[str]] = []

    def listen() -> Callable[[str], None]:
        heard.append([])
        return heard[-1].append

    async def go(url: str) -> Reply:
        model = OpenAI(name, f"{url}/v1")
        try:
            ask = Request(name, ASK.messages, tools=[TOOL])
            return await caller(model, ledger).chat(AT, ask, listen)  # type: ignore[arg-type]
        finally:
            await model.close()

    ledger = Ledger()
    with OpenAIServer(script, models=(name,)) as server:
        return asyncio.run(go(server.url)), ledger, heard


@pytest.mark.parametrize("end", ["broken", "early"])
@pytest.mark.parametrize("name", [CHAT, RESPONSES])
def test_a_stream_that_breaks_is_counted_and_the_next_one_begins_anew(name: str, end: Any) -> None:
    whole = Plan(LONG, CALLS)
    reply, ledger, heard = counted(lambda asked: whole._replace(cut_at=900, end=end) if asked.n == 1 else whole, name)
    assert isinstance(reply, Reply)
    assert reply.text == LONG
    assert len(ledger.wasted) == 1, "it was billed"
    assert len(heard) == 2
    assert "".join(heard[1]).startswith(LONG)


@pytest.mark.parametrize(
    "event", ['{"type": "error", "message": "no"}', '{"type": "error", "error": {"message": "no"}}', "nothing", "{}"]
)
def test_a_stream_of_responses_that_fails_may_be_tried_again(event: str) -> None:
    answer = Answer(200, {"content-type": "text/event-stream"}, [f"data: {event}\n\n".encode()])
    ask = Request(RESPONSES, ASK.messages, tools=[TOOL])
    with Server(lambda _: answer) as server, pytest.raises(RetryableError):
        using(server, "openai", lambda m: m.chat(ask, lambda _: None))  # type: ignore[arg-type]
