"""What a server with OpenAI's API refuses: what may pass, what never will, and what is left out from then on."""

from __future__ import annotations

import asyncio

import pytest

from engine.models.protocol import Message, PermanentError, Reply, Request, RetryableError, UnusableReply
from tests.fakes.openai_server import OpenAIServer, Plan, Use
from tests.unit.models.backends.openai_client import TOOL, request, using

pytest.importorskip("httpx2", reason="needs the extra agents")

from engine.models.backends.openai import OpenAI


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


def test_a_prompt_that_ollama_has_cut_is_told_and_not_answered() -> None:
    """It cuts beyond its window, 4,096 unless set, without a word (docs.ollama.com/context-length, November 2026)."""
    long = Request("m", [Message("user", "a word and another " * 3000)])
    for kind, cuts in (("ollama", True), ("other", False)):
        with OpenAIServer(lambda _: Plan("x"), kind=kind, window=4096) as server:
            if cuts:
                with pytest.raises(PermanentError, match="cut the prompt to 4,096 tokens") as caught:
                    using(server, kind, lambda m: m.chat(long))
                assert "OLLAMA_CONTEXT_LENGTH" in caught.value.remedy
            else:
                assert using(server, kind, lambda m: m.chat(long)).text == "x"
            assert using(server, kind, lambda m: m.chat(request())).text == "x"


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
        assert len(server.wait_for(1)) == 1


def test_calls_in_flight_together_are_all_sent_again_without_what_is_refused() -> None:
    asked = request(tools=[TOOL], tool_choice="any")

    async def together(model: OpenAI) -> list[Reply]:
        return list(await asyncio.gather(*(model.chat(asked) for _ in range(4))))

    with OpenAIServer(lambda _: Plan("", [Use("look", "{}")]), kind="other", refuses=["tool_choice"]) as server:
        assert len(using(server, "other", together)) == 4
