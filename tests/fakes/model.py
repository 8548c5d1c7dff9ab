"""A model that does as a test tells it, and a ledger in memory."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager

from engine.models.calling import (
    BudgetExceeded,
    Caller,
    CallPolicy,
    PaidReply,
    Position,
    PricedModel,
    Usable,
)
from engine.models.protocol import (
    Abilities,
    Message,
    OnText,
    Reply,
    Request,
    RetryableError,
    ScoreReply,
)
from engine.usage import Usage

FAST = CallPolicy(max_concurrent=4, attempts=3, first_wait_s=0.001)
Behaviour = Callable[[Request], Awaitable[Reply]]


async def echo(request: Request) -> Reply:
    await asyncio.sleep(0)
    return Reply(request.messages[-1].text, "stop", Usage(input=10, output=5))


class Fake:
    """A model that does as it is told, and counts."""

    weights = "fake"

    def __init__(self, behaviour: Behaviour = echo, *, score: bool = True) -> None:
        self.abilities = Abilities(score=score)
        self.behaviour = behaviour
        self.asked: list[str] = []
        self.now, self.most = 0, 0

    async def chat(self, request: Request, on_text: OnText | None = None) -> Reply:
        self.asked.append(request.messages[-1].text)
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            return await self.behaviour(request)
        finally:
            self.now -= 1

    async def score(self, prompt: str, continuations: Sequence[str], *, adapter: str | None = None) -> ScoreReply:
        return ScoreReply([-1.0 for _ in continuations], Usage(input=3))

    async def close(self) -> None:
        pass


class Ledger:
    """A ledger in memory, with a cap of tokens."""

    def __init__(self, cap: int = 1 << 40) -> None:
        self.kept: dict[tuple[bytes, str, int], bytes] = {}
        self.poisoned: dict[tuple[bytes, str, int], bytes] = {}  # recorded by an older release
        self.paid: list[PaidReply] = []
        self.retries: list[tuple[int, int | None, str]] = []
        self.wasted: list[tuple[int, float, bool, str]] = []
        self.cap, self.spent, self.set_aside = cap, 0, 0

    def recall(self, at: Position, request: bytes, is_usable: Usable = lambda *_: True) -> bytes | None:
        key = (request, at.place, at.ordinal)
        return next(
            (kept[key] for kept in (self.poisoned, self.kept) if key in kept and is_usable(kept[key], True)), None
        )

    def claim(self, at: Position, request: bytes, patience_s: float) -> AbstractAsyncContextManager[None]:
        return contextlib.nullcontext()

    @contextlib.contextmanager
    def reserve(self, usd: float, tokens: int) -> Iterator[None]:
        if self.spent + self.set_aside + tokens > self.cap:
            raise BudgetExceeded("tokens", self.spent, self.cap)
        self.set_aside += tokens
        try:
            yield
        finally:
            self.set_aside -= tokens

    async def keep(self, at: Position, request: bytes, paid: PaidReply) -> None:
        assert (request, at.place, at.ordinal) not in self.kept
        self.kept[request, at.place, at.ordinal] = paid.reply
        self.paid.append(paid)
        self.spent += paid.usage.input + paid.usage.output

    def waste(self, at: Position, request: bytes, paid: PaidReply, reason: str, *, bound: bool) -> None:
        self.wasted.append((paid.usage.total, round(paid.usd, 4), bound, reason))
        self.spent += paid.usage.total

    def retried(self, at: Position, weights: str, attempt: int, wait_s: float, error: RetryableError) -> None:
        self.retries.append((attempt, error.status, str(error)))


def request(text: str, max_tokens: int = 10) -> Request:
    return Request("fake", [Message("user", text)], max_tokens=max_tokens)


def at(place: str, ordinal: int = 0) -> Position:
    return Position("task", place, ordinal)


def caller(model: Fake, ledger: Ledger, policy: CallPolicy = FAST) -> Caller:
    return Caller(PricedModel(model, lambda usage: usage.output * 0.01, policy), ledger)
