"""The rate at which a model is called: as fast as it permits, together, and patient.

The servers follow what vendors document, read in November 2026: Anthropic's limits are token buckets that refill
continuously, refuse with 429 and say `retry-after` in seconds (platform.claude.com/docs/en/api/rate-limits); OpenAI's
may be enforced over shorter windows, "60,000 requests a minute as 1,000 a second", and refused requests count
(platform.openai.com/docs/guides/rate-limits).
"""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import NamedTuple, Protocol

import pytest

from engine.models.calling import Caller, CallPolicy, ModelUnavailable, PricedModel
from engine.models.protocol import Reply, Request, RetryableError
from engine.usage import Usage
from tests import virtual_time
from tests.fakes.model import Fake, Ledger, at, request

WORKERS = 64


class Limit(Protocol):
    def ask(self, now: float) -> float | None:
        """Seconds to wait, or None for a request that is permitted."""
        ...


class Bucket:
    """A bucket of `burst` requests that refills continuously; Retry-After is in whole seconds."""

    def __init__(self, rate: float, burst: float) -> None:
        self.rate, self.burst, self.level, self.last = rate, burst, burst, 0.0

    def ask(self, now: float) -> float | None:
        self.level = min(self.burst, self.level + (now - self.last) * self.rate)
        self.last = now
        if self.level >= 1:
            self.level -= 1
            return None
        return max(1.0, math.ceil((1 - self.level) / self.rate))


class Window:
    """At most `rate` requests in any second."""

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self.seen: deque[float] = deque()

    def ask(self, now: float) -> float | None:
        while self.seen and self.seen[0] <= now - 1:
            self.seen.popleft()
        if len(self.seen) < self.rate:
            self.seen.append(now)
            return None
        return 1.0


class Ran(NamedTuple):
    """`seconds` until the last request was permitted, the number of refusals, and the most calls in flight."""

    seconds: float
    refused: int
    most: int


def run(limit: Limit, calls: int, latency_s: float = 0.5, share: int = 1) -> Ran:
    """All calls by `WORKERS` workers, over `share` callers of one model."""
    refused, last = 0, 0.0

    async def behaviour(asked: Request) -> Reply:
        nonlocal refused, last
        now = asyncio.get_running_loop().time()
        if (wait_s := limit.ask(now)) is not None:
            refused += 1
            raise RetryableError("too many requests", status=429, after_s=wait_s)
        last = now
        await asyncio.sleep(latency_s)
        return Reply("x", "stop", Usage(input=1, output=1))

    model = Fake(behaviour)

    async def go() -> None:
        policy = CallPolicy(max_concurrent=WORKERS)
        limiter, left = policy.limiter(), iter(range(calls))
        served = PricedModel(model, lambda usage: 0.0, policy)
        callers = [Caller(served, Ledger(), limiter) for _ in range(share)]

        async def worker(number: int) -> None:
            for call in left:
                await callers[number % share].chat(at(str(call)), request("x"))

        await asyncio.gather(*(worker(number) for number in range(WORKERS)))

    virtual_time.run(go())
    return Ran(last, refused, model.most)


def test_64_workers_against_8_requests_a_second_end_at_nine_tenths_of_it() -> None:
    ran = run(Bucket(rate=8, burst=8), calls=480, share=2)
    assert 480 / ran.seconds >= 0.9 * 8
    assert ran.refused < 64, "not each worker finds out by itself"


@pytest.mark.slow
@pytest.mark.parametrize("limit", [lambda: Window(8), lambda: Bucket(8, 1)], ids=["window", "bucket"])
def test_a_limit_without_a_burst_is_used_to_nine_tenths(limit: Callable[[], Limit]) -> None:
    assert 3000 / run(limit(), calls=3000).seconds >= 0.9 * 8


def test_a_slow_limit_is_waited_for_however_many_ask() -> None:
    ran = run(Bucket(rate=0.25, burst=1), calls=80)
    assert 80 / ran.seconds >= 0.7 * 0.25
    assert ran.refused < 40


def test_calls_in_flight_follow_the_latency_up_to_the_policy() -> None:
    fast = run(Bucket(8, 8), calls=100, latency_s=0.1)
    slow = run(Bucket(8, 8), calls=300, latency_s=6.0)
    assert fast.most <= 16
    assert 48 <= slow.most <= WORKERS


def test_without_a_limit_nothing_is_paced() -> None:
    ran = run(Bucket(1e6, 1e6), calls=640, latency_s=1.0)
    assert ran.refused == 0
    assert ran.most == WORKERS
    assert ran.seconds < 640 / WORKERS + 5, "the calls in flight double from 8 to 64"


def test_one_refusal_pauses_all_for_as_long_as_the_server_asks() -> None:
    sent: list[float] = []

    async def behaviour(asked: Request) -> Reply:
        sent.append(asyncio.get_running_loop().time())
        await asyncio.sleep(0.01)
        if len(sent) == 9:
            raise RetryableError("slow down", status=429, after_s=30.0)
        return Reply("x", "stop", Usage())

    async def go() -> None:
        policy = CallPolicy(max_concurrent=8)
        caller = Caller(PricedModel(Fake(behaviour), lambda usage: 0.0, policy), Ledger())
        await asyncio.gather(*(caller.chat(at(str(n)), request("x")) for n in range(64)))

    virtual_time.run(go())
    refused = sent[8] + 0.01
    assert not [one for one in sent if refused + 0.01 < one < refused + 30]
    assert sent[-1] > refused + 30


@pytest.mark.parametrize(("status", "after_s"), [(429, 60.0), (429, None), (529, None), (503, 20.0)])
def test_patience_is_a_time_and_not_a_number_of_attempts(status: int, after_s: float | None) -> None:
    async def behaviour(asked: Request) -> Reply:
        if asyncio.get_running_loop().time() < 800:
            raise RetryableError("busy", status=status, after_s=after_s)
        return Reply("x", "stop", Usage())

    async def go(patience_s: float) -> float:
        policy = CallPolicy(attempts=3, patience_s=patience_s)
        caller = Caller(PricedModel(Fake(behaviour), lambda usage: 0.0, policy), Ledger())
        await asyncio.gather(*(caller.chat(at(str(n)), request("x")) for n in range(8)))
        return asyncio.get_running_loop().time()

    assert 800 <= virtual_time.run(go(900)) < 1200
    with pytest.raises(ModelUnavailable, match="refused a call over 5 minutes"):
        virtual_time.run(go(300))


def test_a_wait_beyond_the_patience_is_not_begun() -> None:
    async def behaviour(asked: Request) -> Reply:
        raise RetryableError("daily limit", status=429, after_s=20_000.0)

    async def go() -> float:
        caller = Caller(PricedModel(Fake(behaviour), lambda usage: 0.0), Ledger())
        with pytest.raises(ModelUnavailable, match="daily limit"):
            await caller.chat(at("a"), request("x"))
        return asyncio.get_running_loop().time()

    assert virtual_time.run(go()) < 1


def test_overloads_halve_the_calls_in_flight_and_leave_the_rate() -> None:
    """One call in ten meets an overload, whatever the rate: the run must not crawl because of it."""
    asked_so_far = 0

    async def behaviour(asked: Request) -> Reply:
        nonlocal asked_so_far
        asked_so_far += 1
        await asyncio.sleep(0.5)
        if asked_so_far % 10 == 0:
            raise RetryableError("overloaded", status=529)
        return Reply("x", "stop", Usage())

    async def go() -> float:
        policy = CallPolicy(max_concurrent=WORKERS)
        caller = Caller(PricedModel(Fake(behaviour), lambda usage: 0.0, policy), Ledger())
        await asyncio.gather(*(caller.chat(at(str(n)), request("x")) for n in range(320)))
        return asyncio.get_running_loop().time()

    assert virtual_time.run(go()) < 100


def test_a_call_that_is_cancelled_while_it_waits_gives_its_place_back() -> None:
    async def behaviour(asked: Request) -> Reply:
        await asyncio.sleep(1)
        return Reply("x", "stop", Usage())

    async def go() -> None:
        caller = Caller(PricedModel(Fake(behaviour), lambda usage: 0.0, CallPolicy(max_concurrent=1)), Ledger())
        await caller.chat(at("first"), request("x"))
        calls = [asyncio.create_task(caller.chat(at(str(n)), request("x"))) for n in range(4)]
        await asyncio.sleep(0.5)
        calls[0].cancel()
        calls[2].cancel()
        done = await asyncio.gather(*calls, return_exceptions=True)
        assert [isinstance(one, Reply) for one in done] == [False, True, False, True]

    virtual_time.run(go())


@pytest.mark.slow
def test_64_workers_against_a_server_of_8_requests_a_second() -> None:
    """As above over HTTP and real time: Anthropic's SDK against a server with a token bucket.

    How near to the limit it comes is measured in virtual time; here a busy machine may be slower.
    """
    pytest.importorskip("anthropic", reason="needs the extra agents")
    from engine.models.backends.anthropic import Anthropic
    from tests.fakes.anthropic_server import KEY, AnthropicServer, Plan
    from tests.fakes.serving import Asked

    bucket, lock, began = Bucket(8, 8), threading.Lock(), time.monotonic()
    permitted: list[float] = []
    refused: list[float] = []

    def script(_: Asked) -> Plan:
        with lock:
            now = time.monotonic() - began
            if (wait_s := bucket.ask(now)) is not None:
                refused.append(now)
                return Plan(status=429, headers={"retry-after": str(round(wait_s))})
            permitted.append(now)
        return Plan(blocks=["x"])

    async def go(url: str) -> None:
        model = Anthropic("claude-haiku-4-5", key=KEY)
        model._client.base_url = url
        caller = Caller(PricedModel(model, lambda usage: 0.0, CallPolicy(max_concurrent=WORKERS)), Ledger())
        left = iter(range(100))

        async def worker() -> None:
            for call in left:
                asked = Request("claude-haiku-4-5", request("x").messages, max_tokens=10)
                await caller.chat(at(str(call)), asked)

        await asyncio.gather(*(worker() for _ in range(WORKERS)))
        await model.close()

    with AnthropicServer(script) as server:
        asyncio.run(go(server.url))
    assert len(permitted) == 100
    assert len(refused) < 50
    assert 100 / permitted[-1] >= 0.5 * 8
