"""Claude's backend against a server that speaks the Messages API on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from engine.errors import SiaError
from engine.models.protocol import Message, OnText, PermanentError, Reply, Request, RetryableError, Tool, ToolCall
from engine.models.receipt import received
from tests.fakes.anthropic_server import KEY, AnthropicServer, Plan, Think, Use
from tests.fakes.serving import Asked

pytest.importorskip("anthropic", reason="needs the extra agents")

from engine.models.backends.anthropic import Anthropic

TOOL = Tool("look", "Look at a case.", {"type": "object", "properties": {"n": {"type": "integer"}}})
ASK = Request("claude-sonnet-4-6", [Message("system", "Be brief."), Message("user", "What is seven times six?")])
LONG = "a rather long reply that takes many events"


def chat(
    server: AnthropicServer, *requests: Request, key: str = KEY, silence_s: float = 10.0, on_text: OnText | None = None
) -> list[Reply]:
    """The replies to `requests`, one after the other."""

    async def go() -> list[Reply]:
        model = Anthropic(key=key, silence_s=silence_s)
        try:
            return [await model.chat(request, on_text) for request in requests]
        finally:
            await model.close()

    return asyncio.run(go())


@pytest.fixture
def serving(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Callable[..., AnthropicServer]:
    """Starts a fake with a script, or one that always says the same, and points the backend at it."""

    def start(plan: Plan | Callable[[Asked], Plan]) -> AnthropicServer:
        server = AnthropicServer(plan if callable(plan) else lambda _: plan)
        request.addfinalizer(server.close)
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url)
        return server

    return start


def test_a_reply_arrives_in_pieces_and_is_counted_as_the_server_counts(serving: Any) -> None:
    pieces: list[str] = []
    (reply,) = chat(server := serving(Plan([LONG])), ASK, on_text=pieces.append)
    assert reply.text == "".join(pieces) == LONG
    assert len(pieces) > 3
    assert reply.finish == "stop"
    assert reply.usage.output == -(-len(LONG) // 4)
    assert [record.answered for record in server.wait_for(1)] == [True]


def test_a_repeated_prefix_is_read_from_the_prompt_cache(serving: Any) -> None:
    grown = Request(ASK.weights, [*ASK.messages, Message("assistant", "42"), Message("user", "And eight?")])
    first, second = chat(serving(Plan(["42"])), ASK, grown)
    assert first.usage.cache_write > 0
    assert first.usage.cache_read == first.usage.input == 0
    assert second.usage.cache_read == first.usage.cache_write
    assert second.usage.cache_write > 0


def test_calls_of_tools_and_their_answers_make_the_round(serving: Any) -> None:
    def script(asked: Asked) -> Plan:
        return (
            Plan(["Let me see.", Use("look", {"n": 12, "why": "…"}), Use("look", {})]) if asked.n == 1 else Plan(["ok"])
        )

    server = serving(script)
    asked = Request(ASK.weights, ASK.messages, tools=[TOOL], tool_choice="any")
    (reply,) = chat(server, asked)
    assert reply.finish == "tools"
    assert [(call.name, call.arguments) for call in reply.calls] == [("look", {"n": 12, "why": "…"}), ("look", {})]
    answers = [
        Message("tool", "case 12", answers=reply.calls[0].id),
        Message("tool", answers=reply.calls[1].id, failed=True),
    ]
    turns = [*ASK.messages, Message("assistant", reply.text, reply.calls), *answers, Message("user", "Go on.")]
    assert chat(server, Request(ASK.weights, turns, tools=[TOOL]))[0].text == "ok"
    last = server.records[-1].body["messages"][-1]["content"]
    assert [block["type"] for block in last] == ["tool_result", "tool_result", "text"]
    assert [block.get("is_error") for block in last] == [False, True, None]
    assert server.records[0].body["tool_choice"] == {"type": "any"}


@pytest.mark.parametrize("weights", ["claude-sonnet-5-5", "claude-opus-5-5", "claude-fable-5-1", "claude-haiku-5-5"])
@pytest.mark.parametrize("choice", ["any", "look"])
def test_a_model_that_cannot_be_made_to_call_a_tool_is_told_to_in_words(
    serving: Any, weights: str, choice: str
) -> None:
    server = serving(Plan([Use("look", {})]))
    (reply,) = chat(server, Request(weights, ASK.messages, tools=[TOOL], tool_choice=choice))
    assert [call.name for call in reply.calls] == ["look"]
    body = server.records[0].body
    assert "tool_choice" not in body
    assert "End every reply with a call of" in body["system"][-1]["text"]


def test_a_text_of_blanks_before_a_call_is_not_sent_back(serving: Any) -> None:
    call = ToolCall("toolu_1", "look", {})
    turns = [*ASK.messages, Message("assistant", "\n\n", [call]), Message("tool", "case 12", answers=call.id)]
    (reply,) = chat(serving(Plan(["ok"])), Request(ASK.weights, turns, tools=[TOOL]))
    assert reply.text == "ok"


@pytest.mark.parametrize(
    ("stop", "finish"),
    [("end_turn", "stop"), ("stop_sequence", "stop"), ("max_tokens", "length"), ("refusal", "refused"),
     ("model_context_window_exceeded", "length"), ("tool_use", "tools")],
)  # fmt: skip
def test_stop_reasons_have_one_meaning_each(serving: Any, stop: str, finish: str) -> None:
    assert chat(serving(Plan(["x"], stop=stop)), ASK)[0].finish == finish


def test_a_choice_is_one_of_the_texts_given(serving: Any) -> None:
    server = serving(Plan(['{"choice": "theft"}']))
    assert chat(server, Request(ASK.weights, ASK.messages, choices=["theft", "fraud"]))[0].text == "theft"
    schema = server.records[0].body["output_config"]["format"]["schema"]
    assert schema["properties"]["choice"]["enum"] == ["theft", "fraud"]


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 529])
def test_what_may_pass_is_retryable_and_asked_once(serving: Any, status: int) -> None:
    server = serving(Plan(status=status, headers={"retry-after": "7"}))
    with pytest.raises(RetryableError) as caught:
        chat(server, ASK)
    assert (caught.value.status, caught.value.after_s) == (status, 7.0)
    assert len(server.wait_for(1)) == 1


@pytest.mark.parametrize(
    ("status", "message", "says"),
    [(400, "max_tokens: too large", "the request"), (400, "prompt is too long: 300000 tokens", "shorten the prompt"),
     (401, "invalid x-api-key", "$ANTHROPIC_API_KEY"), (403, "not allowed", "may call"), (404, "model: x", "name"),
     (413, "Request exceeds the maximum size", "shorten")],
)  # fmt: skip
def test_what_can_never_succeed_says_what_to_do_and_is_asked_once(
    serving: Any, status: int, message: str, says: str
) -> None:
    server = serving(Plan(status=status, message=message))
    with pytest.raises(PermanentError) as caught:
        chat(server, ASK)
    assert caught.value.status == status
    assert message in str(caught.value)
    assert says in caught.value.remedy
    assert len(server.wait_for(1)) == 1


def test_a_stream_cut_anywhere_is_never_a_short_reply(serving: Any) -> None:
    whole = sum(map(len, _stream(serving)))
    cuts = [(at, end) for at in range(1, whole, whole // 12) for end in ("broken", "early")]
    # The last event is nothing but the end: without its last letter the reply is not whole either.
    cuts += [(whole - 3, "broken"), (whole - 3, "early")]
    for at, end in cuts:
        server = serving(Plan([LONG, Use("look", {"n": 1})], cut_at=at, end=end))
        with pytest.raises(RetryableError):
            chat(server, ASK)
        assert not server.wait_for(1)[0].answered
    assert chat(serving(Plan([LONG, Use("look", {"n": 1})])), ASK)[0].text == LONG


def _stream(serving: Any) -> Sequence[bytes]:
    from tests.fakes.anthropic_server import _events

    body = {"model": ASK.weights}
    return _events(Asked(1, "", {}, body), Plan([LONG, Use("look", {"n": 1})]), {"input_tokens": 1})


@pytest.mark.parametrize(("status", "expected"), [(529, 529), (500, 500), (429, 429)])
def test_an_error_event_in_mid_stream_is_retryable(serving: Any, status: int, expected: int) -> None:
    with pytest.raises(RetryableError) as caught:
        chat(serving(Plan([LONG], error_after=status)), ASK)
    assert caught.value.status == expected


def test_slow_bytes_are_waited_for_and_silence_is_not(serving: Any) -> None:
    assert chat(serving(Plan(["slow"], pause_s=0.05)), ASK, silence_s=5.0)[0].text == "slow"
    with pytest.raises(RetryableError):
        chat(serving(Plan(["slow"], pause_s=5.0)), ASK, silence_s=0.1)


def test_no_server_at_all_is_retryable(monkeypatch: pytest.MonkeyPatch, serving: Any) -> None:
    server = serving(Plan())
    server.close()
    with pytest.raises(RetryableError, match="connection"):
        chat(server, ASK)


def test_without_a_key_nothing_is_asked(serving: Any) -> None:
    server = serving(Plan())
    with pytest.raises(SiaError, match="no key for Claude"):
        chat(server, ASK, key="")
    assert server.records == []


def test_a_refused_key_is_one_request(serving: Any) -> None:
    server = serving(Plan())
    with pytest.raises(PermanentError, match="401"):
        chat(server, ASK, key="wrong")
    assert len(server.wait_for(1)) == 1


def test_sampling_goes_only_to_models_that_take_it(serving: Any) -> None:
    server = serving(Plan(["x"]))
    for weights in ("claude-sonnet-4-6", "claude-opus-4-7"):
        chat(server, Request(weights, ASK.messages, temperature=0.7))
    assert [record.body.get("temperature") for record in server.records] == [0.7, None]
    with pytest.raises(PermanentError, match="not both"):
        chat(server, Request("claude-sonnet-4-6", ASK.messages, temperature=0.7, top_p=0.9))


def test_a_call_that_max_tokens_cut_is_left_out(serving: Any) -> None:
    (reply,) = chat(serving(Plan(["x", Use("look", {"n": 1})], stop="max_tokens")), ASK)
    assert reply.finish == "length"
    assert reply.calls == [ToolCall(reply.calls[0].id, "look", {"n": 1})]


def test_log_probabilities_and_adapters_are_refused_without_a_request(serving: Any) -> None:
    server = serving(Plan())

    async def go() -> None:
        model = Anthropic(key=KEY)
        with pytest.raises(PermanentError):
            await model.score("x", ["y"])
        with pytest.raises(PermanentError):
            await model.chat(Request(ASK.weights, ASK.messages, adapter="ab"))
        await model.close()

    asyncio.run(go())
    assert server.records == []


@pytest.mark.parametrize("between", ["", "let me see", " \n"])
@pytest.mark.parametrize("given", [{"n": 1}, [1]])
def test_thinking_goes_back_unchanged_with_the_calls_that_followed_it(serving: Any, between: str, given: Any) -> None:
    """platform.claude.com/docs/en/build-with-claude/extended-thinking, November 2026; the fake refuses all else."""
    thought = Think("it asks for seven times six, which the tool knows")
    server = serving(Plan([thought, *([between] if between else []), Use("look", given), Use("look", {"n": 2})]))
    messages, replies = list(ASK.messages), []
    for _ in range(3):
        (found,) = chat(server, replace(ASK, weights="claude-sonnet-5-5", messages=messages, tools=[TOOL]))
        reply = msgspec.json.decode(msgspec.json.encode(received(found)), type=Reply)  # as the log gives it back
        replies.append(reply)
        messages.append(Message("assistant", reply.text, reply.calls, blocks=reply.blocks))
        messages += [Message("tool", "42", answers=call.id) for call in reply.calls]
    assert [reply.text for reply in replies] == [between] * 3, "what it thinks is no part of the text"
    assert [len(reply.calls) for reply in replies] == [2] * 3
    sent = server.wait_for(3)[2].body["messages"][1]["content"]
    assert [block["type"] for block in sent if block["type"] != "text"] == ["thinking", "tool_use", "tool_use"]


def test_the_fake_refuses_calls_without_their_thinking(serving: Any) -> None:
    server = serving(Plan([Think("hm"), Use("look", {"n": 1})]))
    (reply,) = chat(server, replace(ASK, weights="claude-sonnet-5-5", tools=[TOOL]))
    again = [*ASK.messages, Message("assistant", "", reply.calls), Message("tool", "42", answers=reply.calls[0].id)]
    with pytest.raises(PermanentError, match="Expected `thinking`"):
        chat(server, replace(ASK, weights="claude-sonnet-5-5", messages=again, tools=[TOOL]))


def test_effort_goes_beside_a_format_and_is_left_out_where_none_is_asked_for(serving: Any) -> None:
    server = serving(Plan(['{"choice": "42"}']))
    ask = Request("claude-opus-5-5", ASK.messages, choices=["42"])
    chat(server, ask)
    chat(server, replace(ask, effort="xhigh"))
    sent = [record.body["output_config"] for record in server.wait_for(2)]
    assert ["effort" in one for one in sent] == [False, True]
    assert sent[1]["effort"] == "xhigh"
    assert sent[1]["format"]["type"] == "json_schema"
    with pytest.raises(PermanentError, match="effort"):
        chat(server, replace(ask, effort="extreme"))
