"""Replies of servers with OpenAI's API, of every kind, faked on loopback."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from engine.errors import SiaError
from engine.models.backends.quirks import QUIRKS
from engine.models.protocol import Message, PermanentError, Request, RetryableError, UnusableReply
from tests.fakes.openai_server import OpenAIServer, Plan, Use, tokenized
from tests.fakes.serving import End
from tests.unit.models.backends.openai_client import KINDS, LONG, MESSAGES, TOOL, request, using

pytest.importorskip("httpx2", reason="needs the extra agents")

from engine.models.backends.chat_reply import reply as reply_of
from engine.models.backends.servers import kind_of


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_a_reply_is_whole_and_counted_as_the_server_counts(kind: str, streamed: bool) -> None:
    pieces: list[str] = []
    with OpenAIServer(lambda _: Plan(LONG), kind=kind) as server:
        reply = using(server, kind, lambda m: m.chat(request(), pieces.append if streamed else None))
        (record,) = server.wait_for(1)
    assert (reply.text, reply.finish) == (LONG, "stop")
    assert "".join(pieces) == (LONG if streamed else "")
    prompt = len(json.dumps(record.body["messages"]))
    assert reply.usage.input + reply.usage.cache_read == prompt
    assert reply.usage.cache_read == prompt // 2
    assert reply.usage.output == len(LONG)
    if kind == "vllm":
        assert [token.id for token in reply.tokens] == tokenized(LONG)
        assert list(reply.prompt_ids) == tokenized(json.dumps(record.body["messages"]))


@pytest.mark.parametrize("kind", KINDS)
def test_choices_and_schemas_are_asked_for_as_each_kind_wants_them(kind: str) -> None:
    def script(asked: Any) -> Plan:
        bound = asked.body.get("structured_outputs") or asked.body.get("grammar")
        return Plan("theft" if bound else '{"choice": "theft"}')

    with OpenAIServer(script, kind=kind) as server:
        reply = using(server, kind, lambda m: m.chat(request(choices=["theft", "fraud"])))
        shaped = using(server, kind, lambda m: m.chat(request(schema={"type": "object"})))
        bodies = [record.body for record in server.wait_for(2)]
    assert reply.text == "theft"
    assert json.loads(shaped.text) == {"choice": "theft"}
    form = bodies[1]["response_format"]
    assert form["type"] == QUIRKS[kind].schema
    assert (form.get("schema") or form["json_schema"]["schema"]) == {"type": "object"}


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("kind", ["openai", "vllm", "ollama"])
def test_calls_of_tools_come_with_their_arguments(kind: str, streamed: bool) -> None:
    calls = [Use("look", '{"n": 12, "why": "…"}'), Use("look", "", "call_2")]
    with OpenAIServer(lambda _: Plan("Let me see.", calls), kind=kind) as server:
        ask = request(tools=[TOOL], tool_choice="any")
        reply = using(server, kind, lambda m: m.chat(ask, (lambda _: None) if streamed else None))
        answered = [*MESSAGES, Message("assistant", reply.text, reply.calls), Message("tool", "x", answers="call_1")]
        using(server, kind, lambda m: m.chat(Request("m", answered, tools=[TOOL], tool_choice="look")))
        first, second = [record.body for record in server.wait_for(2)]
    assert reply.finish == "tools"
    assert [(c.id, c.arguments) for c in reply.calls] == [("call_1", {"n": 12, "why": "…"}), ("call_2", {})]
    assert first["tool_choice"] == "required"
    assert second["tool_choice"]["function"]["name"] == "look"
    assert json.loads(second["messages"][2]["tool_calls"][0]["function"]["arguments"]) == {"n": 12, "why": "…"}
    assert second["messages"][3]["tool_call_id"] == "call_1"


def test_arguments_that_are_no_json_are_told_to_the_agent_and_paid_once() -> None:
    with OpenAIServer(lambda _: Plan("", [Use("look", '{"n": ')])) as server:
        reply = using(server, "openai", lambda m: m.chat(request(tools=[TOOL])))
        assert len(server.wait_for(1)) == 1
    assert [(call.name, call.arguments) for call in reply.calls] == [("look", {})]
    assert "not JSON" in reply.calls[0].invalid


def test_a_whole_reply_of_which_nothing_can_be_made_says_what_it_took() -> None:
    with (
        OpenAIServer(lambda _: Plan("42", finish="error")) as server,
        pytest.raises(UnusableReply, match="the server ended it with an error") as caught,
    ):
        using(server, "openai", lambda m: m.chat(request()))
    assert caught.value.usage and caught.value.usage.output > 0
    assert b'"finish_reason": "error"' in caught.value.raw


@pytest.mark.parametrize("streamed", [False, True])
def test_an_answer_cut_anywhere_is_never_a_short_reply(streamed: bool) -> None:
    on_text = (lambda _: None) if streamed else None
    for at in (1, 60, 200, 700 if streamed else 240):
        for end in ("broken", "early"):
            with OpenAIServer(lambda _, at=at, end=end: Plan(LONG, cut_at=at, end=end)) as server:
                with pytest.raises(RetryableError):
                    using(server, "openai", lambda m: m.chat(request(), on_text))
                assert not server.wait_for(1)[0].answered


def test_vllm_scores_given_texts_token_by_token() -> None:
    with OpenAIServer(lambda _: Plan(), kind="vllm") as server:
        scored = using(server, "vllm", lambda m: m.score("ab", ["cd", "e", ""]))
    assert scored.logprobs == [-(99 + 100) / 100, -101 / 100, 0]


@pytest.mark.parametrize("kind", ["openai", "llamacpp", "ollama", "other"])
def test_other_kinds_score_nothing_and_take_no_adapter(kind: str) -> None:
    with OpenAIServer(lambda _: Plan(), kind=kind) as server:
        with pytest.raises(PermanentError, match="scores no"):
            using(server, kind, lambda m: m.score("a", ["b"]))
        with pytest.raises(PermanentError, match="no adapter"):
            using(server, kind, lambda m: m.chat(request(adapter="ab")))
        assert server.records == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_server_is_known_by_the_owner_of_its_models(kind: str) -> None:
    with OpenAIServer(lambda _: Plan(), kind=kind) as server:
        assert asyncio.run(kind_of(f"{server.url}/v1")) == kind
    with pytest.raises(SiaError, match="no server answers"):
        asyncio.run(kind_of(f"{server.url}/v1"))


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("end", ["broken", "early"])
def test_a_reply_that_breaks_off_after_its_beginning_may_have_been_billed(streamed: bool, end: End) -> None:
    with (
        OpenAIServer(lambda _: Plan(LONG, cut_at=200 if streamed else 60, end=end)) as server,
        pytest.raises(UnusableReply) as caught,
    ):
        using(server, "openai", lambda m: m.chat(request(), (lambda _: None) if streamed else None))
    assert caught.value.usage is None, "so the most that the call can take is counted"


@pytest.mark.parametrize(("cost", "usd"), [(0.0125, 0.0125), (0, 0.0), (None, None), ("much", None), (-1, None)])
def test_the_cost_that_a_server_gives_is_read(cost: Any, usd: float | None) -> None:
    """OpenRouter: `usage.cost` in dollars (openrouter.ai/docs/use-cases/usage-accounting, November 2026)."""
    reply = reply_of({"choices": [{"message": {"content": "x"}}], "usage": {"cost": cost}}, request())
    assert reply.usd == usd


@pytest.mark.parametrize(
    ("text", "calls", "rest"),
    [
        ('<tool_call>\n{"name": "look", "arguments": {"n": 1}}\n</tool_call>', [("look", {"n": 1})], ""),
        ('I look. <tool_call>{"name": "look", "arguments": {"n": {"m": 2}}}', [("look", {"n": {"m": 2}})], "I look."),
        ('<tool_call>{"name": "look"}</tool_call><tool_call>{"name": "b"}</tool_call>', [("look", {}), ("b", {})], ""),
        ("<tool_call>{look}</tool_call>", [], "<tool_call>{look}</tool_call>"),
        ("no call", [], "no call"),
    ],
)
def test_calls_that_a_small_model_writes_as_text_are_calls(text: str, calls: list[Any], rest: str) -> None:
    with OpenAIServer(lambda _: Plan(text), kind="ollama") as server:
        reply = using(server, "ollama", lambda m: m.chat(request(tools=[TOOL])))
        plain = using(server, "ollama", lambda m: m.chat(request()))
    assert [(call.name, call.arguments) for call in reply.calls] == calls
    assert (reply.text, reply.finish) == (rest, "tools" if calls else "stop")
    assert plain.text == text, "without tools it is text"


def test_llama_server_has_tools_and_says_what_it_lacks() -> None:
    """github.com/ggml-org/llama.cpp, docs/function-calling.md, November 2026: tools need --jinja, else status 500."""
    lacks = '{"error": {"code": 500, "message": "tools param requires --jinja flag", "type": "server_error"}}'
    with OpenAIServer(lambda _: Plan("", [Use("look", "{}")]), kind="llama-server") as server:
        assert asyncio.run(kind_of(f"{server.url}/v1")) == "llama-server"
        assert using(server, "llama-server", lambda m: m.chat(request(tools=[TOOL]))).calls[0].name == "look"
    with (
        OpenAIServer(lambda _: Plan(status=500, body=lacks), kind="llama-server") as server,
        pytest.raises(PermanentError) as caught,
    ):
        using(server, "llama-server", lambda m: m.chat(request(tools=[TOOL])))
    assert caught.value.remedy == "start llama-server with --jinja"
