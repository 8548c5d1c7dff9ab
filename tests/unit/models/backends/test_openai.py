"""Servers with OpenAI's API, of every kind, faked on loopback."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

import msgspec
import pytest
from msgspec.structs import replace

from engine.errors import SiaError
from engine.models.backends.quirks import QUIRKS
from engine.models.known_models import known
from engine.models.protocol import Message, Model, PermanentError, Reply, Request, RetryableError, Tool, UnusableReply
from engine.models.receipt import received
from engine.user_settings import ModelFacts
from tests.fakes.openai_server import OpenAIServer, Plan, Use, tokenized
from tests.fakes.serving import Asked, End

pytest.importorskip("httpx2", reason="needs the extra agents")

from engine.models.backends.chat_reply import reply as reply_of
from engine.models.backends.openai import OpenAI
from engine.models.backends.servers import kind_of

T = TypeVar("T")
KINDS = list(QUIRKS)
MESSAGES = [Message("system", "Be brief."), Message("user", "What is seven times six?")]
LONG = "a rather long reply that takes many events"
TOOL = Tool("look", "Look at a case.", {"type": "object"})


def request(**more: Any) -> Request:
    return Request("m", MESSAGES, **more)


def using(server: OpenAIServer, kind: str, do: Callable[[OpenAI], Awaitable[T]], **more: Any) -> T:
    async def go() -> T:
        model = OpenAI(more.pop("name", "m"), f"{server.url}/v1", kind=kind, **more)
        try:
            return await do(model)
        finally:
            await model.close()

    return asyncio.run(go())


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


def test_an_account_without_credit_is_not_waited_for() -> None:
    spent = '{"error": {"message": "You exceeded your current quota.", "code": "insufficient_quota"}}'
    with (
        OpenAIServer(lambda _: Plan(status=429, body=spent)) as server,
        pytest.raises(PermanentError, match="insufficient_quota") as refused,
    ):
        using(server, "openai", lambda m: m.chat(request()))
    assert "add credit" in refused.value.remedy


def test_a_server_that_wants_a_key_where_none_is_sent_is_told_so() -> None:
    with (
        OpenAIServer(lambda _: Plan(status=401, body='{"error": {"message": "no key"}}'), kind="other") as server,
        pytest.raises(PermanentError, match="no key") as refused,
    ):
        using(server, "other", lambda m: m.chat(request()), key="")
    assert "[servers]" in refused.value.remedy


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


@pytest.mark.parametrize("streamed", [False, True])
def test_an_answer_cut_anywhere_is_never_a_short_reply(streamed: bool) -> None:
    on_text = (lambda _: None) if streamed else None
    for at in (1, 60, 200, 700 if streamed else 240):
        for end in ("broken", "early"):
            with OpenAIServer(lambda _, at=at, end=end: Plan(LONG, cut_at=at, end=end)) as server:
                with pytest.raises(RetryableError):
                    using(server, "openai", lambda m: m.chat(request(), on_text))
                assert not server.wait_for(1)[0].answered


@pytest.mark.parametrize("status", [408, 409, 429, 500, 503])
def test_what_may_pass_is_retryable_and_asked_once(status: int) -> None:
    with OpenAIServer(lambda _: Plan(status=status, headers={"retry-after": "2"})) as server:
        with pytest.raises(RetryableError) as caught:
            using(server, "openai", lambda m: m.chat(request()))
        assert (caught.value.status, caught.value.after_s) == (status, 2.0)
        assert len(server.wait_for(1)) == 1


@pytest.mark.parametrize(
    ("status", "body", "says"),
    [
        (400, '{"error": {"message": "too many", "code": "context_length_exceeded"}}', "context is too long"),
        (400, '{"object": "error", "message": "This model\'s maximum context length is 4096"}', "context is too long"),
        (400, '{"detail": "bad"}', "bad"),
        (403, "Forbidden", "Forbidden"),
        (404, '{"error": "model \\"m\\" not found"}', "not found"),
    ],
)
def test_what_can_never_succeed_is_told_in_the_servers_words(status: int, body: str, says: str) -> None:
    with OpenAIServer(lambda _: Plan(status=status, body=body)) as server:
        with pytest.raises(PermanentError, match=says) as caught:
            using(server, "openai", lambda m: m.chat(request()))
        assert caught.value.remedy
        assert len(server.wait_for(1)) == 1


def test_a_refused_key_names_where_it_came_from_and_is_one_request() -> None:
    with OpenAIServer(lambda _: Plan("x"), key="right") as server:
        with pytest.raises(PermanentError) as caught:
            using(server, "openai", lambda m: m.chat(request()), key="wrong", key_name="MY_KEY")
        assert "$MY_KEY" in caught.value.remedy
        assert len(server.wait_for(1)) == 1
        assert using(server, "openai", lambda m: m.chat(request()), key="right").text == "x"


def test_models_that_reason_are_sent_no_sampling() -> None:
    with OpenAIServer(lambda _: Plan("x"), models=["gpt-5-mini"]) as server:

        async def go() -> str:
            model = OpenAI("gpt-5-mini", f"{server.url}/v1")
            reply = await model.chat(Request("gpt-5-mini", MESSAGES))
            await model.close()
            return reply.text

        assert asyncio.run(go()) == "x"


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


def test_a_server_that_is_not_there_has_billed_nothing() -> None:
    async def go() -> None:
        model = OpenAI("m", "http://127.0.0.1:9/v1", kind="other")
        try:
            await model.chat(request())
        finally:
            await model.close()

    with pytest.raises(RetryableError) as caught:
        asyncio.run(go())
    assert not isinstance(caught.value, UnusableReply)


@pytest.mark.parametrize(("cost", "usd"), [(0.0125, 0.0125), (0, 0.0), (None, None), ("much", None), (-1, None)])
def test_the_cost_that_a_server_gives_is_read(cost: Any, usd: float | None) -> None:
    """OpenRouter: `usage.cost` in dollars (openrouter.ai/docs/use-cases/usage-accounting, November 2026)."""
    reply = reply_of({"choices": [{"message": {"content": "x"}}], "usage": {"cost": cost}}, request())
    assert reply.usd == usd


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


def test_a_prompt_that_ollama_has_cut_is_told_and_not_answered() -> None:
    """It cuts beyond its window, 4,096 unless set, without a word (docs.ollama.com/context-length, November 2026)."""
    long = Request("m", [Message("user", "a word and another " * 3000)])
    for kind, cuts in (("ollama", True), ("other", False)):
        with OpenAIServer(lambda _: Plan("x"), kind=kind, window=4096) as server:
            if cuts:
                with pytest.raises(PermanentError, match="cut the prompt to 4096 tokens") as caught:
                    using(server, kind, lambda m: m.chat(long))
                assert "OLLAMA_CONTEXT_LENGTH" in caught.value.remedy
            else:
                assert using(server, kind, lambda m: m.chat(long)).text == "x"
            assert using(server, kind, lambda m: m.chat(request())).text == "x"


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


def test_a_request_that_exceeds_the_tokens_of_a_minute_is_not_waited_for() -> None:
    """OpenAI's message under 429 (community.openai.com and its SDKs' issues, November 2026); waiting never helps."""
    large = '{"error": {"message": "Request too large for m on tokens per min (TPM): Limit 30000, Requested 40000."}}'
    with (
        OpenAIServer(lambda _: Plan(status=429, body=large)) as server,
        pytest.raises(PermanentError, match="Request too large"),
    ):
        using(server, "openai", lambda m: m.chat(request()))


@pytest.mark.parametrize("refuses", [["tool_choice"], ["temperature"], ["seed"], ["tool_choice", "seed", "top_p"]])
def test_what_a_model_refuses_is_left_out_from_then_on(refuses: list[str]) -> None:
    asked = request(tools=[TOOL], tool_choice="any")
    with OpenAIServer(lambda _: Plan("", [Use("look", "{}")]), kind="other", refuses=refuses) as server:

        async def twice(model: OpenAI) -> list[Reply]:
            return [await model.chat(asked), await model.chat(asked)]

        replies = using(server, "other", twice)
        bodies = [record.body for record in server.wait_for(2 + len(refuses))]
    assert [[call.name for call in reply.calls] for reply in replies] == [["look"], ["look"]]
    assert len(bodies) == 2 + len(refuses), "each refusal is met once"
    told = [body["messages"][-1]["content"] for body in bodies[-2:]]
    assert all(("End every reply with a call" in text) == ("tool_choice" in refuses) for text in told)


def test_a_request_that_is_refused_for_another_reason_is_not_sent_again() -> None:
    with OpenAIServer(lambda _: Plan(status=400, body='{"error": {"message": "no"}}'), kind="other") as server:
        with pytest.raises(PermanentError, match="no"):
            using(server, "other", lambda m: m.chat(request(tools=[TOOL], tool_choice="any")))
        assert len(server.records) == 1


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


def test_calls_in_flight_together_are_all_sent_again_without_what_is_refused() -> None:
    asked = request(tools=[TOOL], tool_choice="any")

    async def together(model: OpenAI) -> list[Reply]:
        return list(await asyncio.gather(*(model.chat(asked) for _ in range(4))))

    with OpenAIServer(lambda _: Plan("", [Use("look", "{}")]), kind="other", refuses=["tool_choice"]) as server:
        assert len(using(server, "other", together)) == 4


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
