"""Odd replies of servers with OpenAI's API: what is missing does not matter, what is wrong is told to the model."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import msgspec
import pytest

from engine.models.calling import Position
from engine.models.protocol import Message, PermanentError, Reply, Request, RetryableError, Tool, UnusableReply
from engine.usage import Usage
from tests.fakes.model import Ledger, caller
from tests.fakes.serving import Answer, Server

pytest.importorskip("httpx2", reason="needs the extra agents")

from engine.models.backends import responses
from engine.models.backends.chat_reply import reply
from engine.models.backends.openai import OpenAI
from engine.models.receipt import received

GOOD = {"path": "a"}
USAGE = {"prompt_tokens": 10, "completion_tokens": 5}
REQUEST = Request("m", [Message("user", "Look.")], tools=[Tool("look", "Looks.", {"type": "object"})])
AT = Position("feedback", "improve/1", 0)


def call(arguments: Any = "{}", **fields: Any) -> dict[str, Any]:
    return {"id": "c1", "type": "function", "function": {"name": "look", "arguments": arguments}, **fields}


def body(finish: Any = "tool_calls", usage: Any = USAGE, **message: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "finish_reason": finish, "message": message}], "usage": usage}


def chunks(*deltas: dict[str, Any], finish: Any = "tool_calls") -> bytes:
    choices = [*({"delta": delta} for delta in deltas), {"delta": {}, "finish_reason": finish}]
    events = [*({"choices": [choice]} for choice in choices), {"choices": [], "usage": USAGE}]
    return b"".join(f"data: {json.dumps(event)}\n\n".encode() for event in events) + b"data: [DONE]\n\n"


def replied(raw: bytes, kind: str = "application/json", *, streamed: bool = False) -> tuple[Reply, Ledger]:
    """What the caller makes of a server's answer, and its ledger."""
    ledger = Ledger()

    async def go(url: str) -> Reply:
        model = OpenAI("m", f"{url}/v1", kind="other")
        try:
            if streamed:
                return await model.chat(REQUEST, lambda _: None)
            return await caller(model, ledger).chat(AT, REQUEST)  # type: ignore[arg-type]
        finally:
            await model.close()

    with Server(lambda _: Answer(200, {"content-type": kind}, [raw])) as server:
        return asyncio.run(go(server.url)), ledger


MOST = Usage(input=755, output=1024)
"""What the request can take at most, which counts where the server does not tell."""
MOST_READ = Usage(input=755, output=5)


@pytest.mark.parametrize(
    ("answer", "usage"),
    [
        (body(tool_calls=[call('{"path": "a"}', id=None)]), Usage(input=10, output=5)),
        (body(tool_calls=[{"function": {"name": "look", "arguments": '{"path": "a"}'}}]), Usage(input=10, output=5)),
        (body(tool_calls=[call(GOOD, id=7)]), Usage(input=10, output=5)),
        (body(tool_calls=[call('{"path": "a"}')], usage=None), MOST),
        (body(tool_calls=[call('{"path": "a"}')], usage=dict.fromkeys(USAGE)), MOST),
        (body(tool_calls=[call('{"path": "a"}')], usage={"prompt_tokens": 10.0}), Usage(input=10, output=1024)),
        (body(tool_calls=[call('{"path": "a"}')], usage={"completion_tokens": 5}), MOST_READ),
        (body(None, tool_calls=[call('{"path": "a"}')]), Usage(input=10, output=5)),
        (body("eos_token", tool_calls=[call('{"path": "a"}')]), Usage(input=10, output=5)),
        (body(function_call={"name": "look", "arguments": '{"path": "a"}'}), Usage(input=10, output=5)),
        (body(content=[{"type": "text", "text": "hi"}], tool_calls=[call(GOOD)]), Usage(input=10, output=5)),
    ],
)
def test_what_is_only_missing_does_not_matter(answer: dict[str, Any], usage: Usage) -> None:
    reply, ledger = replied(json.dumps(answer).encode())
    (made,) = reply.calls
    assert (made.name, made.arguments, made.invalid) == ("look", GOOD, "") and made.id
    assert (reply.finish, reply.usage, ledger.retries, ledger.wasted) == ("tools", usage, [], [])
    assert [msgspec.json.decode(kept, type=Reply) for kept in ledger.kept.values()] == [reply]
    assert [paid.bound for paid in ledger.paid] == [usage.input == 755 or usage.output == 1024]


@pytest.mark.parametrize(
    ("calls", "finish", "says"),
    [
        ([call('{"path": "a')], "length", "not JSON"),
        ([call('{"path": "a", }')], "tool_calls", "not JSON"),
        ([call(json.dumps('{"path": "a"}'))], "tool_calls", "a text in place of an object"),
        ([call([])], "tool_calls", "a list in place of an object"),
        ([call('{"path": "\\ud83d"}')], "tool_calls", "half of a surrogate pair"),
        ([call("[" * 100_000)], "tool_calls", "not JSON"),
    ],
)
def test_what_a_model_wrote_wrongly_goes_back_to_it(calls: list[Any], finish: str, says: str) -> None:
    reply, ledger = replied(json.dumps(body(finish, tool_calls=calls)).encode())
    assert says in reply.calls[0].invalid and reply.calls[0].arguments == {}
    assert (ledger.retries, ledger.wasted) == ([], [])
    assert [msgspec.json.decode(kept, type=Reply) for kept in ledger.kept.values()] == [reply]


def test_a_tool_of_any_name_goes_back_to_the_model() -> None:
    names = ["lo\ud83dok", None, ""]
    calls = [call(function={"name": name, "arguments": "{}"}) for name in names]
    reply, ledger = replied(json.dumps(body(tool_calls=calls, content="x \ud83d")).encode())
    assert [made.name for made in reply.calls] == ["lo?ok", "", ""] and reply.text == "x ?"
    assert ledger.retries == []


@pytest.mark.parametrize(
    ("usage", "counted"),
    [
        ({"prompt_tokens": 10**400, "completion_tokens": 10**30, "cost": 10**400}, Usage()),
        ({"prompt_tokens": -3, "completion_tokens": "7"}, Usage()),
        (
            {"prompt_tokens": 10.0, "completion_tokens": True, "prompt_tokens_details": "none"},
            Usage(input=10, output=1),
        ),
        ([USAGE], Usage()),
    ],
)
@pytest.mark.parametrize("finish", [["stop"], {"reason": "stop"}, 7, None])
def test_a_usage_and_an_end_that_are_none_are_no_more_than_missing(usage: Any, counted: Usage, finish: Any) -> None:
    answer = reply(body(finish, usage, content="hi"), REQUEST)
    assert (answer.text, answer.finish, answer.usage, answer.usd) == ("hi", "stop", counted, None)


@pytest.mark.parametrize(
    "usage", [{"input_tokens": "ten"}, {"input_tokens_details": "x"}, {"input_tokens": 10**400}, [1]]
)
def test_the_responses_api_may_be_as_odd(usage: Any) -> None:
    """A usage that is none let the error escape, and the call was not counted."""
    item = {"type": "function_call", "call_id": "c", "name": "look", "arguments": GOOD}
    made = responses.reply({"output": [item], "usage": usage}, REQUEST)
    assert ([one.arguments for one in made.calls], made.usage) == ([GOOD], Usage())
    with pytest.raises(UnusableReply, match="malformed"):
        responses.reply({"output": 7, "usage": usage}, REQUEST)


def test_a_thought_with_half_a_surrogate_costs_a_letter() -> None:
    thought = {"reasoning_content": "so \ud83d"}
    made = received(Reply("", "tools", Usage(), blocks=[thought, {"summary": [{"text": "\udc00"}]}]))
    assert made.blocks == [{"reasoning_content": "so ?"}, {"summary": [{"text": "?"}]}]


@pytest.mark.parametrize(
    ("deltas", "calls"),
    [
        ([{"tool_calls": [call(GOOD, index=0)]}], [GOOD]),
        ([{"tool_calls": [call('{"n": 1}'), call('{"n": 2}', id="c2")]}], [{"n": 1}, {"n": 2}]),
        ([{"tool_calls": [call('{"n":')]}, {"tool_calls": [{"function": {"arguments": " 1}"}}]}], [{"n": 1}]),
        ([{"function_call": {"name": "look", "arguments": '{"n": 1}'}}], [{"n": 1}]),
        ([{"content": [{"type": "text", "text": "hi"}]}], []),
    ],
)
def test_a_stream_may_be_as_odd(deltas: list[dict[str, Any]], calls: list[dict[str, Any]]) -> None:
    reply, _ = replied(chunks(*deltas, finish=None), "text/event-stream", streamed=True)
    assert [made.arguments for made in reply.calls] == calls
    assert reply.finish == ("tools" if calls else "stop") and reply.text == ("" if calls else "hi")


@pytest.mark.parametrize("delta", [{"tool_calls": 7}, {"tool_calls": ["look"]}])
def test_a_stream_of_which_nothing_can_be_made_is_tried_again(delta: dict[str, Any]) -> None:
    with pytest.raises(RetryableError, match="malformed"):
        replied(chunks(delta), "text/event-stream", streamed=True)


@pytest.mark.parametrize(("code", "kind"), [(503, RetryableError), (None, RetryableError), (400, PermanentError)])
def test_an_error_under_status_200_is_that_error_and_was_not_billed(code: int | None, kind: type[Exception]) -> None:
    raw = json.dumps({"error": {"message": "overloaded", "code": code}}).encode()

    async def go(url: str) -> None:
        model = OpenAI("m", f"{url}/v1", kind="other")
        try:
            await model.chat(REQUEST)
        finally:
            await model.close()

    with Server(lambda _: Answer(200, {}, [raw])) as server, pytest.raises(kind, match="overloaded") as caught:
        asyncio.run(go(server.url))
    assert not isinstance(caught.value, UnusableReply)


@pytest.mark.parametrize("streamed", [False, True])
def test_a_refused_key_under_status_200_is_named(streamed: bool) -> None:
    error = json.dumps({"error": {"message": "no such key", "code": 401}})
    raw = (f"data: {error}\n\n" if streamed else error).encode()

    async def go(url: str) -> None:
        model = OpenAI("m", f"{url}/v1", kind="other", key="wrong", key_name="MY_KEY")
        try:
            await model.chat(REQUEST, (lambda _: None) if streamed else None)
        finally:
            await model.close()

    headers = {"content-type": "text/event-stream" if streamed else "application/json"}
    with Server(lambda _: Answer(200, headers, [raw])) as server, pytest.raises(PermanentError) as caught:
        asyncio.run(go(server.url))
    assert caught.value.remedy == "check the key in $MY_KEY"


@pytest.mark.parametrize("answer", [{}, {"tokens": None}, [1, 2]])
def test_a_list_of_tokens_that_is_none_is_asked_for_again_and_costs_nothing(answer: Any) -> None:
    async def go(url: str) -> None:
        model = OpenAI("m", f"{url}/v1", kind="vllm")
        try:
            await model.score("a", ["b"])
        finally:
            await model.close()

    raw = json.dumps(answer).encode()
    with Server(lambda _: Answer(200, {}, [raw])) as server, pytest.raises(RetryableError, match="tokens") as caught:
        asyncio.run(go(server.url))
    assert not isinstance(caught.value, UnusableReply)


@pytest.mark.parametrize(
    "poison",
    [
        b'{"text":"","finish":"tools","usage":{},"calls":[{"id":null,"name":"look","arguments":{}}]}',
        b'{"text":"","finish":"tools","usage":{},"calls":[{"id":"1","name":"look","arguments":"{}"}]}',
        b'{"text":["hi"],"finish":"stop","usage":{}}',
        b'{"text":"\xff","finish":"stop","usage":{}}',
        b'{"text":"","finish":"tools","usage":{},"calls":[{"id":"1","name":"look","arguments":' + b"[" * 100_000,
    ],
)
def test_a_reply_that_an_older_release_recorded_and_cannot_be_read_is_asked_for_again(poison: bytes) -> None:
    ledger = Ledger()
    raw = json.dumps(body(tool_calls=[call(GOOD)])).encode()

    async def go(url: str) -> Reply:
        model = OpenAI("m", f"{url}/v1", kind="other")
        try:
            await caller(model, ledger).chat(AT, REQUEST)  # type: ignore[arg-type]
            (key,) = ledger.kept
            ledger.kept = {}
            ledger.poisoned[key] = poison
            return await caller(model, ledger).chat(AT, REQUEST)  # type: ignore[arg-type]
        finally:
            await model.close()

    with Server(lambda _: Answer(200, {"content-type": "application/json"}, [raw])) as server:
        assert asyncio.run(go(server.url)).calls[0].arguments == GOOD
        assert len(ledger.kept) == 1
