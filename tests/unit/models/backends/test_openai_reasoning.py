"""Models that reason, behind OpenAI's Responses API and behind servers that leave thoughts in the text."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from engine.models.known_models import known
from engine.models.protocol import Message, Model, Reply, Request
from engine.models.receipt import received
from engine.user_settings import ModelFacts
from tests.fakes.openai_server import OpenAIServer, Plan, Use
from tests.fakes.serving import Asked
from tests.unit.models.backends.openai_client import MESSAGES, TOOL, request, using

pytest.importorskip("httpx2", reason="needs the extra agents")

from engine.models.backends.openai import OpenAI


@pytest.mark.parametrize(
    "plan",
    [
        Plan("42", reasoning="seven times six is 42"),
        Plan("<|channel|>analysis<|message|>7 x 6<|end|><|start|>assistant<|channel|>final<|message|>42<|return|>"),
    ],
)
@pytest.mark.parametrize("streamed", [False, True])
def test_reasoning_of_gpt_oss_is_counted_and_not_said(plan: Plan, streamed: bool) -> None:
    with OpenAIServer(lambda _: plan, kind="vllm") as server:
        reply = using(server, "vllm", lambda m: m.chat(request(), (lambda _: None) if streamed else None))
    assert reply.text == "42"
    assert reply.usage.output > 20


def test_reasoning_that_used_up_the_tokens_leaves_no_text() -> None:
    with OpenAIServer(lambda _: Plan(None, reasoning="hm " * 9, finish="length"), kind="vllm") as server:
        reply = using(server, "vllm", lambda m: m.chat(request()))
    assert (reply.text, reply.finish) == ("", "length")


def test_models_that_reason_are_sent_no_sampling() -> None:
    with OpenAIServer(lambda _: Plan("x"), models=["gpt-5-mini"]) as server:

        async def go() -> str:
            model = OpenAI("gpt-5-mini", f"{server.url}/v1")
            reply = await model.chat(Request("gpt-5-mini", MESSAGES))
            await model.close()
            return reply.text

        assert asyncio.run(go()) == "x"


def _turns(model: Model, asked: Request, turns: int) -> Coroutine[Any, Any, list[Reply]]:
    """A conversation in which each call of a tool is answered, as an agent holds it."""

    async def go() -> list[Reply]:
        replies, messages = [], list(asked.messages)
        for _ in range(turns):
            found = await model.chat(replace(asked, messages=messages))
            reply = msgspec.json.decode(msgspec.json.encode(received(found)), type=Reply)  # as the log gives it back
            replies.append(reply)
            messages.append(Message("assistant", reply.text, reply.calls, blocks=reply.blocks))
            messages += [Message("tool", "42", answers=call.id) for call in reply.calls]
        return replies

    return go()


@pytest.mark.parametrize("arguments", ['{"case": 1}', "{", "null", "[1]"])
@pytest.mark.parametrize("weights", ["gpt-5.5", "gpt-5.6-2026-10-01"])
def test_models_that_reason_call_tools_by_the_responses_api(weights: str, arguments: str) -> None:
    """They refuse tools on chat completions (github.com/BerriAI/litellm issue 34569, November 2026)."""
    asked = Request(weights, MESSAGES, tools=[TOOL], tool_choice="any", max_tokens=100)

    def script(_: Asked) -> Plan:
        return Plan("let me see", [Use("look", arguments), Use("look", "{}")], reasoning="hm, " * 5)

    async def go(url: str) -> list[Reply]:
        model = OpenAI(weights, url, kind="openai")
        try:
            return await _turns(model, asked, 3)
        finally:
            await model.close()

    with OpenAIServer(script, kind="openai", models=[weights]) as server:
        replies = asyncio.run(go(f"{server.url}/v1"))
        bodies = [record.body for record in server.wait_for(3)]
    for reply in replies:
        assert (reply.text, reply.finish, [call.name for call in reply.calls]) == ("let me see", "tools", ["look"] * 2)
        assert bool(reply.calls[0].invalid) == (arguments != '{"case": 1}')
        assert reply.usage.output == 10 + 20 + len(arguments) + 2
    assert [item.get("encrypted_content") for item in bodies[-1]["input"] if item.get("type") == "reasoning"] == [
        "sealed:hm, hm, hm, hm, hm, "
    ] * 2
    assert bodies[0]["store"] is False


@pytest.mark.parametrize(("plan", "finish"), [(Plan("so", finish="length"), "length"), (Plan("done"), "stop")])
def test_the_end_of_a_response_is_told(plan: Plan, finish: str) -> None:
    with OpenAIServer(lambda _: plan, kind="openai", models=["gpt-5.5"]) as server:
        reply = using(server, "openai", lambda m: m.chat(Request("gpt-5.5", MESSAGES, tools=[TOOL])), name="gpt-5.5")
    assert (reply.text, reply.finish, reply.calls, reply.blocks) == (plan.text, finish, [], [])


@pytest.mark.parametrize("streamed", [False, True])
def test_reasoning_is_kept_apart_and_goes_back_with_a_call(streamed: bool) -> None:
    """DeepSeek answers 400 without it (api-docs.deepseek.com/guides/thinking_mode, November 2026)."""
    with OpenAIServer(lambda _: Plan("so", [Use("look", "{}")], reasoning="hm"), kind="other") as server:
        on_text = (lambda _: None) if streamed else None
        reply = using(server, "other", lambda m: m.chat(request(tools=[TOOL]), on_text))
        again = [*MESSAGES, Message("assistant", reply.text, reply.calls, blocks=reply.blocks)]
        again.append(Message("tool", "42", answers=reply.calls[0].id))
        using(server, "other", lambda m: m.chat(Request("m", again, tools=[TOOL])))
        sent = server.wait_for(2)[1].body["messages"][2]
    assert reply.text == "so"
    assert (sent["content"], sent["reasoning_content"]) == ("so", "hm")


@pytest.mark.parametrize(
    ("said", "text"), [("<think>hm</think>\n\n42", "42"), ("\n<think>hm", ""), ("a <think> b", "a <think> b")]
)
def test_thoughts_that_a_server_leaves_in_the_text_are_no_part_of_the_reply(said: str, text: str) -> None:
    with OpenAIServer(lambda _: Plan(said), kind="vllm") as server:
        assert using(server, "vllm", lambda m: m.chat(request())).text == text


def test_the_users_facts_of_a_model_overrule_the_table() -> None:
    assert (known("gpt-5.5").wire, known("gpt-5.5-mini").wire, known("gpt-5.2").wire) == (
        "responses",
        "responses",
        "chat",
    )
    own = ModelFacts(wire="chat", forces=False, output=50)
    with OpenAIServer(lambda _: Plan("x"), kind="openai", models=["gpt-5.7"]) as server:
        facts = known("gpt-5.7", own)
        asked = Request("gpt-5.7", MESSAGES, tools=[TOOL], tool_choice="any", max_tokens=900)
        using(server, "openai", lambda m: m.chat(asked), name="gpt-5.7", facts=facts)
        (record,) = server.wait_for(1)
    assert record.path == "/v1/chat/completions"
    assert record.body["max_completion_tokens"] == 50
    assert "tool_choice" not in record.body and "temperature" not in record.body


def test_a_proxy_without_the_responses_api_is_asked_without_reasoning() -> None:
    def script(_: Asked) -> Plan:
        return Plan("", [Use("look", "{}")])

    with OpenAIServer(script, kind="openai", models=["gpt-5.5"], refuses=["/v1/responses"]) as server:

        async def twice(model: OpenAI) -> list[Reply]:
            asked = Request("gpt-5.5", MESSAGES, tools=[TOOL], tool_choice="any")
            return [await model.chat(asked), await model.chat(asked)]

        replies = using(server, "openai", twice, name="gpt-5.5")
        paths = [record.path for record in server.wait_for(3)]
    assert [[call.name for call in reply.calls] for reply in replies] == [["look"], ["look"]]
    assert paths == ["/v1/responses", "/v1/chat/completions", "/v1/chat/completions"]


@pytest.mark.parametrize(("weights", "tools", "sent"), [
    ("gpt-5.5", True, {"reasoning": {"effort": "low"}}),
    ("gpt-5.5", False, {"reasoning_effort": "low"}),
    ("deepseek-v4-pro", True, {"reasoning_effort": "low"}),
])  # fmt: skip
def test_effort_has_the_form_of_each_api(weights: str, tools: bool, sent: dict[str, object]) -> None:
    kind = "openai" if weights.startswith("gpt") else "other"
    with OpenAIServer(lambda asked: Plan("x"), kind=kind, models=[weights]) as server:
        ask = Request(weights, MESSAGES, tools=[TOOL] if tools else (), effort="low")
        using(server, kind, lambda m: m.chat(ask), name=weights)
        (record,) = server.wait_for(1)
    assert {name: record.body[name] for name in sent} == sent
