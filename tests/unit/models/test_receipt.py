"""Whatever a server replies, the log can return it, and no key is in it."""

from __future__ import annotations

import asyncio
import math
from typing import Any

import msgspec
import pytest

from engine.agents.language.toolbox import Arguments
from engine.agents.protocol import InvalidCall
from engine.models.backends.openai import OpenAI
from engine.models.calling import ScoreRequest
from engine.models.protocol import PermanentError, Reply, Request, RetryableError, ScoreReply, Token, ToolCall
from engine.models.receipt import received
from engine.usage import Usage
from tests.fakes.model import FAST, Fake, Ledger, at, caller, request
from tests.fakes.openai_server import OpenAIServer, Plan, Use

KEY = "sk-very-secret"


class _Place(msgspec.Struct, forbid_unknown_fields=True):
    path: str = ""


LOOK = Arguments("look", "Looks.", _Place)


def asked_with(arguments: str) -> tuple[Reply, bytes]:
    """The reply of a server whose model writes `arguments` for a tool, and what is recorded of it."""
    ledger = Ledger()

    async def go(url: str) -> Reply:
        model = OpenAI("m", url, kind="other")
        try:
            calls = caller(model, ledger)  # type: ignore[arg-type]
            asked = msgspec.structs.replace(request("x"), weights="m", tools=[LOOK.tool])
            return await calls.chat(at("a"), asked)
        finally:
            await model.close()

    with OpenAIServer(lambda _: Plan(calls=[Use("look", arguments)]), kind="other") as server:
        return asyncio.run(go(f"{server.url}/v1")), next(iter(ledger.kept.values()))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ("null", "null in place of an object"),
        ("[1]", "a list in place of an object"),
        ("3", "a number in place of an object"),
        ("true", "true or false in place of an object"),
        ('"path"', "a text in place of an object"),
        ('{"path": NaN}', "the number nan"),
        ('{"path": 1e999}', "the number inf"),
        ('{"path": "\\ud800"}', "half of a surrogate pair"),
        ('{"\\udfff": 1}', "half of a surrogate pair"),
        (f'{{"path": {1 << 70}}}', "more than 64 bits"),
        ('{"path": ' + "[" * 300 + "]" * 300 + "}", "more than 128 levels"),
    ],
)
def test_arguments_that_are_no_plain_object_go_back_to_the_model_and_are_no_poison(arguments: str, says: str) -> None:
    pytest.importorskip("httpx2", reason="the extra agents is not installed")
    reply, recorded = asked_with(arguments)
    assert msgspec.json.decode(recorded, type=Reply) == reply
    with pytest.raises(InvalidCall, match=says):
        LOOK.parse(reply.calls[0])


def test_good_arguments_stay_as_they_are() -> None:
    pytest.importorskip("httpx2", reason="the extra agents is not installed")
    reply, recorded = asked_with('{"path": "a\\u0000é"}')
    assert LOOK.parse(reply.calls[0]).path == "a\0é"
    assert b"invalid" not in recorded


def of(**fields: Any) -> Reply:
    return Reply(**{"text": "", "finish": "stop", "usage": Usage(), **fields})


@pytest.mark.parametrize(
    "bad",
    [
        of(text=None),
        of(finish="maybe"),
        of(usage=Usage(input="many")),  # type: ignore[arg-type]
        of(usage=Usage(input=math.nan)),  # type: ignore[arg-type]
        of(calls=[ToolCall(None, "look", {})]),  # type: ignore[arg-type]
        of(calls=[ToolCall("1", 7, {})]),  # type: ignore[arg-type]
        of(prompt_ids=["a"]),
        of(tokens=[Token("1", -1.0)]),  # type: ignore[arg-type]
    ],
)
def test_what_the_log_could_not_give_back_is_no_reply(bad: Reply) -> None:
    with pytest.raises(RetryableError, match="the reply is malformed"):
        received(bad)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_log_probability_that_is_no_number_is_the_model_s_failure_at_once(value: float) -> None:
    for bad in (ScoreReply([value], Usage()), of(tokens=[Token(1, value)])):
        with pytest.raises(PermanentError, match="NaN or an infinity"):
            received(bad)


def test_a_reply_of_any_depth_is_tried_again_and_then_given_up() -> None:
    async def deep(asked: Request) -> Reply:
        raise RecursionError

    with pytest.raises(Exception, match="nested too deeply"):
        asyncio.run(caller(Fake(deep), Ledger()).chat(at("a"), request("x")))


def test_half_of_a_pair_in_a_text_is_replaced() -> None:
    assert received(of(text="a\ud800b")).text == "a?b"


def test_a_key_that_a_server_repeats_is_neither_recorded_nor_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", KEY)
    ledger = Ledger()

    async def repeats(asked: Request) -> Reply:
        said = {"path": [KEY, {KEY: 1}]}
        return of(text=f"your key is {KEY}", calls=[ToolCall("1", "look", said)])

    reply = asyncio.run(caller(Fake(repeats), ledger, FAST).chat(at("a"), request("x")))
    assert reply.text == "your key is [MY_KEY]"
    assert reply.calls[0].arguments == {"path": ["[MY_KEY]", {"[MY_KEY]": 1}]}
    assert KEY.encode() not in b"".join(ledger.kept.values())


def test_scores_are_kept_to_the_last_bit() -> None:
    asked, ledger = ScoreRequest("fake", "p", ["a", "b"]), Ledger()
    reply = asyncio.run(caller(Fake(), ledger).score(at("a"), asked))
    assert reply == ScoreReply([-1.0, -1.0], Usage(input=3))
    assert received(ScoreReply([-0.1, -1e-300], Usage())).logprobs == [-0.1, -1e-300]
