"""Calling a language model for a run: what is known is not asked again, what is asked is paid for and kept.

    remembered? -> a place among the calls in flight -> reserved in the budget -> sent, and sent again -> kept

A `Caller` knows no log and no budget: its `Ledger` does. What a caller has returned is in the ledger, on the disk.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractContextManager
from typing import Literal, Protocol, TypeVar

import msgspec

from engine.models.protocol import Finish, Message, Model, PermanentError, Reply, Request, RetryableError, Scored
from engine.models.secrets import redacted
from engine.usage import Usage

Role = Literal["meta", "feedback", "task", "judge"]
Price = Callable[[Usage], float]
"""US dollars for the tokens of one call."""
MOST_WAIT_S = 600.0
A_PERSON_MUST_HELP = (401, 402, 403, 404)
"""Statuses of `PermanentError` that no other request would meet otherwise: the key, the account, the model's name."""
_PER_MESSAGE, _PER_REQUEST = 16, 600  # tokens that templates and a tool prompt add, generously
_R = TypeVar("_R", Reply, Scored)


class Policy(msgspec.Struct, frozen=True):
    """How a model is called: calls in flight at once, attempts a call, and the waits between them in seconds."""

    at_once: int = 8
    attempts: int = 6
    first_wait_s: float = 0.5
    most_wait_s: float = 60.0


class Served(msgspec.Struct, frozen=True):
    """A model with what it costs and how it is called."""

    model: Model
    price: Price
    policy: Policy = Policy()


class Position(msgspec.Struct, frozen=True):
    """Where in a run a call is made; `harness` and `prompt` as in `model.called`."""

    role: Role
    place: str
    ordinal: int
    harness: str = ""
    prompt: str = ""


class Scoring(msgspec.Struct, frozen=True, omit_defaults=True):
    """A request for the log-probabilities of continuations."""

    weights: str
    prompt: str
    continuations: Sequence[str]
    adapter: str | None = None
    seed: int = 0


class Paid(msgspec.Struct, frozen=True):
    """A reply to be kept, as JSON, with what it took."""

    weights: str
    adapter: str | None
    seed: int
    reply: bytes
    finish: Finish
    usage: Usage
    usd: float
    latency_s: float


class Unavailable(Exception):
    """The model could not be reached, or was overloaded, at every attempt."""


class Overspent(Exception):
    """The next call might exceed a cap."""

    def __init__(self, resource: str, spent: float, cap: float) -> None:
        super().__init__(f"the budget of {cap:g} {resource} does not suffice for the next call ({spent:.4g} spent)")
        self.resource, self.spent, self.cap = resource, spent, cap


class Ledger(Protocol):
    """Where calls are remembered, paid and kept."""

    def recall(self, at: Position, request: bytes) -> bytes | None:
        """The reply that this lineage holds for `request` at this position."""
        ...

    def reserve(self, usd: float, tokens: int) -> AbstractContextManager[None]:
        """Sets aside the most that a call may cost; raises `Overspent` where a cap might be exceeded."""
        ...

    def keep(self, at: Position, request: bytes, paid: Paid) -> None:
        """Keeps a reply; returns when it is on the disk."""
        ...

    def retried(self, at: Position, weights: str, attempt: int, wait_s: float, error: RetryableError) -> None:
        """Notes that an attempt failed and another follows after `wait_s`."""
        ...


class Caller:
    """Calls one model for one run."""

    def __init__(self, served: Served, ledger: Ledger) -> None:
        self.model = served.model
        self._price, self._policy, self._ledger = served.price, served.policy, ledger
        self._room = asyncio.Semaphore(served.policy.at_once)
        self._first = asyncio.Lock()  # a key that is refused is refused once, not once a worker
        self._proven = False
        self._flying: dict[tuple[bytes, str, int], asyncio.Event] = {}
        self._broke: Overspent | None = None
        self._refused: PermanentError | None = None

    async def chat(self, at: Position, request: Request) -> Reply:
        """The reply to `request`; raises `PermanentError`, `Unavailable` or `Overspent`."""
        stored = msgspec.json.encode(request, order="deterministic")
        most = Usage(input=_most_tokens(request.messages, stored), output=request.max_tokens)
        return await self._call(at, request, stored, most, lambda: self.model.chat(request), Reply)

    async def score(self, at: Position, request: Scoring) -> Scored:
        """The log-probabilities of continuations; raises as `chat` does."""
        if not self.model.abilities.score:
            raise PermanentError(
                f"{self.model.weights} gives no log-probabilities of given texts", "use chat, or a local model"
            )
        stored = msgspec.json.encode(request, order="deterministic")
        most = Usage(input=len(stored) + len(request.continuations) * len(request.prompt.encode()))

        def send() -> Awaitable[Scored]:
            return self.model.score(request.prompt, request.continuations, adapter=request.adapter)

        return await self._call(at, request, stored, most, send, Scored)

    async def _call(
        self,
        at: Position,
        request: Request | Scoring,
        stored: bytes,
        most: Usage,
        send: Callable[[], Awaitable[_R]],
        kind: type[_R],
    ) -> _R:
        key = (stored, at.place, at.ordinal)
        while (flying := self._flying.get(key)) is not None:  # two trials that ask the same at once pay once
            await flying.wait()
        if (known := self._ledger.recall(at, stored)) is not None:
            return msgspec.json.decode(known, type=kind)
        self._flying[key] = asyncio.Event()
        try:
            with self._reserved(most):
                began = time.monotonic()
                reply = await self._in_turn(at, send)
                self._keep(at, request, stored, reply, time.monotonic() - began)
                return reply
        except Overspent as error:
            broke = error
        finally:
            self._flying.pop(key).set()
        await self._landed()
        raise broke

    def _reserved(self, most: Usage) -> AbstractContextManager[None]:
        if self._broke is not None:
            raise self._broke
        usd = max(self._price(most), self._price(Usage(cache_write=most.input, output=most.output)))
        try:
            return self._ledger.reserve(usd, most.input + most.output)
        except Overspent as error:
            self._broke = error
            raise

    async def _landed(self) -> None:
        """Waits until every call in flight has its reply in the ledger: what is paid for is not thrown away."""
        while self._flying:
            await next(iter(self._flying.values())).wait()

    async def _in_turn(self, at: Position, send: Callable[[], Awaitable[_R]]) -> _R:
        if not self._proven:
            async with self._first:
                if self._refused is not None:
                    raise self._refused
                if not self._proven:
                    reply = await self._insist(at, send)
                    self._proven = True
                    return reply
        return await self._insist(at, send)

    async def _insist(self, at: Position, send: Callable[[], Awaitable[_R]]) -> _R:
        policy = self._policy
        for attempt in range(1, policy.attempts + 1):
            try:
                async with self._room:
                    return await send()
            except PermanentError as error:
                clear = PermanentError(redacted(str(error)), error.remedy, status=error.status)
                self._refused = clear if error.status in A_PERSON_MUST_HELP else None
                raise clear from None
            except RetryableError as error:
                clean = RetryableError(redacted(str(error)), status=error.status, after_s=error.after_s)
                if attempt == policy.attempts:
                    raise Unavailable(f"{self.model.weights} gave no reply in {attempt} attempts ({clean})") from None
                wait_s = _wait(policy, attempt, error.after_s)
                self._ledger.retried(at, self.model.weights, attempt, wait_s, clean)
            await asyncio.sleep(wait_s)
        raise AssertionError

    def _keep(self, at: Position, request: Request | Scoring, stored: bytes, reply: _R, latency_s: float) -> None:
        paid = Paid(
            weights=request.weights,
            adapter=request.adapter,
            seed=request.seed,
            reply=msgspec.json.encode(reply),
            finish=reply.finish if isinstance(reply, Reply) else "stop",
            usage=reply.usage,
            usd=self._price(reply.usage),
            latency_s=round(latency_s, 3),
        )
        self._ledger.keep(at, stored, paid)


def _most_tokens(messages: Sequence[Message], stored: bytes) -> int:
    """More tokens than the prompt can have: none of today's tokenizers makes more than one of a byte."""
    return len(stored) + _PER_MESSAGE * len(messages) + _PER_REQUEST


def _wait(policy: Policy, attempt: int, after_s: float | None) -> float:
    """Seconds: what the server asks for, else doubled each time, and spread so that callers do not march in step."""
    if after_s is not None:
        return min(after_s, MOST_WAIT_S)
    longest = min(policy.most_wait_s, policy.first_wait_s * 2 ** (attempt - 1))
    return float(round(longest * (0.5 + random.random() / 2), 3))
