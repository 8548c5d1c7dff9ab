"""Calls of a model: reused, bounded, within budget, retried, recorded once."""

from __future__ import annotations

import asyncio
import time

import msgspec
import pytest

from engine.models.calling import (
    BudgetExceeded,
    Caller,
    CallPolicy,
    ModelUnavailable,
    PaidReply,
    Position,
    PricedModel,
    ScoreRequest,
)
from engine.models.protocol import (
    Message,
    PermanentError,
    Reply,
    Request,
    RetryableError,
    Token,
    UnusableReply,
)
from engine.run.models import Callers
from engine.usage import Usage
from tests.fakes.model import FAST, Behaviour, Fake, Ledger, at, caller, echo, request


def test_what_is_remembered_is_not_asked_again() -> None:
    model, ledger = Fake(), Ledger()

    async def go() -> None:
        calls = caller(model, ledger)
        first = await calls.chat(at("a"), request("x"))
        assert await calls.chat(at("a"), request("x")) == first
        assert await caller(model, ledger).chat(at("a"), request("x")) == first, "another engine, the same ledger"
        await calls.chat(at("b"), request("x"))
        await calls.chat(at("a", 1), request("x"))
        await calls.chat(at("a"), request("y"))

    asyncio.run(go())
    assert model.asked == ["x", "x", "x", "y"], "the position counts, and the request"


def test_two_who_ask_the_same_at_once_pay_once() -> None:
    model, ledger = Fake(), Ledger()

    async def go() -> None:
        calls = caller(model, ledger)
        await asyncio.gather(*(calls.chat(at("a"), request("x")) for _ in range(5)))

    asyncio.run(go())
    assert model.asked == ["x"]


def test_as_many_calls_fly_as_the_policy_allows_and_no_more() -> None:
    three = asyncio.Barrier(3)

    async def in_threes(asked: Request) -> Reply:
        if len(model.asked) > 1:  # the first flies alone
            async with asyncio.timeout(10):
                await three.wait()
        return await echo(asked)

    model = Fake(in_threes)

    async def go() -> None:
        calls = caller(model, Ledger(), msgspec.structs.replace(FAST, max_concurrent=3))
        await asyncio.gather(*(calls.chat(at(str(i)), request("x")) for i in range(1 + 6 * 3)))

    asyncio.run(go())
    assert model.most == 3
    assert len(model.asked) == 19


def test_what_may_pass_is_tried_again_and_noted() -> None:
    faults = [RetryableError("busy", status=529), RetryableError("slow down", status=429, after_s=0.0)]

    async def moody(asked: Request) -> Reply:
        if faults:
            raise faults.pop(0)
        return await echo(asked)

    ledger = Ledger()
    reply = asyncio.run(caller(Fake(moody), ledger).chat(at("a"), request("x")))
    assert reply.text == "x"
    assert [(attempt, status) for attempt, status, _ in ledger.retries] == [(1, 529), (2, 429)]


def test_what_does_not_pass_is_given_up_after_so_many_attempts() -> None:
    async def away(asked: Request) -> Reply:
        raise RetryableError("internal error", status=500)

    model, ledger = Fake(away), Ledger()
    with pytest.raises(ModelUnavailable, match="no reply in 3 attempts"):
        asyncio.run(caller(model, ledger).chat(at("a"), request("x")))
    assert len(model.asked) == 3
    assert len(ledger.retries) == 2
    assert not ledger.kept


async def garbled(asked: Request) -> Reply:
    raise UnusableReply("the reply has no finish reason", b"{}", Usage(input=10, output=5))


async def garbled_without_usage(asked: Request) -> Reply:
    raise UnusableReply("the reply is not JSON", b"<html>", None)


async def of_another_type(asked: Request) -> Reply:
    return Reply(None, "stop", Usage(input=10, output=5))  # type: ignore[arg-type]


async def of_no_number(asked: Request) -> Reply:
    return Reply("x", "stop", Usage(input=10, output=5), tokens=[Token(1, float("nan"))])


@pytest.mark.parametrize(
    ("behaviour", "attempts", "tokens"),
    [(garbled, 3, 15), (of_another_type, 3, 15), (of_no_number, 1, 15), (garbled_without_usage, 3, None)],
)
def test_every_billed_reply_is_recorded_and_counted_whatever_became_of_it(
    behaviour: Behaviour, attempts: int, tokens: int | None
) -> None:
    model, ledger = Fake(behaviour), Ledger()
    with pytest.raises((ModelUnavailable, PermanentError)):
        asyncio.run(caller(model, ledger).chat(at("a"), request("x")))
    assert len(model.asked) == len(ledger.wasted) == attempts
    if tokens is None:  # the most that the call could take
        assert all(bound and usd == 0.1 and total > 600 for total, usd, bound, _ in ledger.wasted)
    else:
        assert [one[:3] for one in ledger.wasted] == [(tokens, 0.05, False)] * attempts
    assert not ledger.kept


@pytest.mark.parametrize(("says", "usd"), [(None, 0.05), (0.25, 0.25), (0.0, 0.0)])
def test_what_the_server_says_that_a_reply_has_cost_is_recorded(says: float | None, usd: float) -> None:
    async def priced(asked: Request) -> Reply:
        return Reply("x", "stop", Usage(input=10, output=5), usd=says)

    paid: list[PaidReply] = []

    class Noting(Ledger):
        async def keep(self, at: Position, request: bytes, reply: PaidReply) -> None:
            paid.append(reply)

    ledger = Noting()
    for is_priced in (True, False):
        model = PricedModel(Fake(priced), lambda usage: usage.output * 0.01, FAST, priced=is_priced)
        asyncio.run(Caller(model, ledger).chat(at("a"), request("x")))
    assert [one.usd for one in paid] == [usd, usd]
    assert [one.unpriced for one in paid] == [False, says is None]


def test_the_cap_holds_over_replies_that_cannot_be_used() -> None:
    async def large(asked: Request) -> Reply:
        raise UnusableReply("no reply", b"{}", Usage(input=600, output=10))

    ledger = Ledger(cap=1500)
    model = Fake(large)
    with pytest.raises(BudgetExceeded):
        asyncio.run(caller(model, ledger).chat(at("a"), request("x")))
    assert (len(model.asked), ledger.spent) == (2, 1220)


def test_a_call_for_which_a_cap_has_no_room_waits_for_those_in_flight() -> None:
    async def cheap(asked: Request) -> Reply:
        await asyncio.sleep(0)
        return Reply("x", "stop", Usage(input=1, output=1))

    async def go(cap: int) -> tuple[int, list[object]]:
        model, ledger = Fake(cheap), Ledger(cap)
        calls = caller(model, ledger)
        results = await asyncio.gather(
            *(calls.chat(at(str(number)), request("x")) for number in range(6)), return_exceptions=True
        )
        return model.most, [type(one) for one in results]

    assert asyncio.run(go(1600)) == (2, [Reply] * 6)  # two reservations at once
    assert asyncio.run(go(500)) == (0, [BudgetExceeded] * 6)


def test_a_refused_key_is_found_out_once_however_many_ask() -> None:
    async def refuses(asked: Request) -> Reply:
        await asyncio.sleep(0.001)
        raise PermanentError("invalid key", "check it", status=401)

    model = Fake(refuses)

    async def go() -> list[object]:
        calls = caller(model, Ledger())
        return list(
            await asyncio.gather(*(calls.chat(at(str(i)), request("x")) for i in range(6)), return_exceptions=True)
        )

    errors = asyncio.run(go())
    assert len(model.asked) == 1
    assert all(isinstance(error, PermanentError) and error.status == 401 for error in errors)


def test_a_request_that_is_wrong_does_not_stop_the_others() -> None:
    async def picky(asked: Request) -> Reply:
        if asked.messages[-1].text == "long":
            raise PermanentError("the context is too long", "shorten it", status=400)
        return await echo(asked)

    async def go() -> None:
        calls = caller(Fake(picky), Ledger())
        with pytest.raises(PermanentError):
            await calls.chat(at("a"), request("long"))
        assert (await calls.chat(at("b"), request("x"))).text == "x"

    asyncio.run(go())


@pytest.mark.parametrize("max_concurrent", [1, 4])
def test_a_cap_holds_and_what_was_paid_is_kept(max_concurrent: int) -> None:
    cap = 3000
    model, ledger = Fake(), Ledger(cap)

    async def go() -> list[object]:
        calls = caller(model, ledger, msgspec.structs.replace(FAST, max_concurrent=max_concurrent))
        return list(
            await asyncio.gather(*(calls.chat(at(str(i)), request("x")) for i in range(300)), return_exceptions=True)
        )

    found = asyncio.run(go())
    assert any(isinstance(one, BudgetExceeded) for one in found)
    assert 0 < ledger.spent <= cap
    assert len(ledger.kept) == len(model.asked) == sum(isinstance(one, Reply) for one in found)


def test_whoever_is_refused_for_money_waits_until_the_others_have_landed() -> None:
    ledger, gate, order = Ledger(1500), asyncio.Event(), []

    async def slow(asked: Request) -> Reply:
        await gate.wait()
        order.append("landed")
        return await echo(asked)

    async def go() -> None:
        calls = caller(Fake(slow), ledger)
        first = asyncio.create_task(calls.chat(at("a"), request("x")))
        await asyncio.sleep(0)
        second = asyncio.create_task(calls.chat(at("b"), request("x", max_tokens=5000)))
        await asyncio.sleep(0)
        assert not second.done()
        gate.set()
        await first
        with pytest.raises(BudgetExceeded):
            await second
        order.append("refused")

    asyncio.run(go())
    assert order == ["landed", "refused"]


def test_whoever_gives_up_waits_until_what_was_sent_is_recorded() -> None:
    sent = asyncio.Event()

    async def behave(asked: Request) -> Reply:
        if asked.messages[-1].text == "first":
            return await echo(asked)
        if asked.messages[-1].text == "slow":
            sent.set()
            await asyncio.sleep(0.05)
            return await echo(asked)
        await sent.wait()
        raise RetryableError("overloaded", status=500)

    ledger, model = Ledger(), Fake(behave)
    one = caller(model, ledger, CallPolicy(max_concurrent=4, attempts=1))

    async def go() -> None:
        await one.chat(at("first"), request("first"))
        async with asyncio.TaskGroup() as lanes:  # as a step ends: whoever fails ends the others
            for text in ("slow", "down"):
                lanes.create_task(one.chat(at(text), request(text)))

    with pytest.raises(ExceptionGroup):
        asyncio.run(go())
    assert [place for _, place, _ in ledger.kept] == ["first", "slow"]
    assert asyncio.run(one.chat(at("later"), request("first"))).text == "first"


def test_a_secret_of_the_environment_is_in_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_API_KEY", "sk-very-secret")

    async def tells(asked: Request) -> Reply:
        raise PermanentError("sk-very-secret is not valid", "check it", status=400)

    with pytest.raises(PermanentError) as caught:
        asyncio.run(caller(Fake(tells), Ledger()).chat(at("a"), request("x")))
    assert "sk-very-secret" not in str(caught.value)
    assert "[SOME_API_KEY]" in str(caught.value)


def test_scores_are_kept_like_replies_and_refused_where_there_are_none() -> None:
    scoring, ledger = ScoreRequest("fake", "two and two is", ["4", "5"]), Ledger()

    async def go() -> None:
        calls = caller(Fake(), ledger)
        assert list((await calls.score(at("a"), scoring)).logprobs) == [-1.0, -1.0]
        assert len(ledger.kept) == 1
        with pytest.raises(PermanentError, match="no log-probabilities"):
            await caller(Fake(score=False), ledger).score(at("b"), scoring)

    asyncio.run(go())


def test_a_call_is_seen_while_it_is_with_the_server() -> None:
    async def work() -> list[int]:
        told, replied = asyncio.Event(), asyncio.Event()

        async def slow(request: Request) -> Reply:
            told.set()
            await replied.wait()
            return await echo(request)

        caller = Caller(PricedModel(Fake(slow), lambda usage: 0.0, FAST), Ledger())
        callers = Callers(caller, None, None)
        before = time.time_ns() // 1000
        call = asyncio.create_task(caller.chat(Position("task", "val/a/0", 0), Request("fake", [Message("user", "a")])))
        await told.wait()
        seen = callers.in_flight
        assert seen is not None
        assert (seen.model, seen.count) == ("fake", 1)
        assert before <= seen.since <= time.time_ns() // 1000
        replied.set()
        await call
        return list(caller.in_flight.with_server.values())

    assert asyncio.run(work()) == []
