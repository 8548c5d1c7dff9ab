"""Calls of a language model for a run: recorded replies are reused, new ones are paid for and recorded.

    recall -> claim -> recall -> reserve budget -> wait for a turn -> send, with retries -> record

A `Caller` knows no log and no budget; its `Ledger` does. A reply is on disk in the ledger before `Caller` returns it.
One that was billed and cannot be used is there too, before the call is sent again.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager, ExitStack, asynccontextmanager
from typing import Literal, Protocol, TypeVar

import msgspec
from msgspec.structs import replace

from engine.keys import redact, redact_error
from engine.models import bounds
from engine.models.in_flight import InFlight
from engine.models.limiter import RateLimiter, Turn
from engine.models.protocol import (
    Finish,
    Model,
    OnText,
    PermanentError,
    Reply,
    Request,
    RetryableError,
    ScoreReply,
    UnusableReply,
)
from engine.models.receipt import is_sound, is_usable, raw, received
from engine.plain import plural
from engine.usage import Usage

CallerRole = Literal["meta", "feedback", "task", "judge", "talk"]
Price = Callable[[Usage], float]
"""US dollars for the tokens of one call."""
MAX_WAIT_S = 600.0
MAX_WASTE = 1 << 20
"""Bytes of a reply that cannot be used which are kept."""
CONGESTION = (429, 503, 529)
"""Statuses that say that a model is called too fast, or has too much to do; all its callers then wait."""
ACCOUNT_ERRORS = (401, 402, 403, 404)
"""Statuses that every request would get: they concern the key, the account or the model's name."""
Usable = Callable[[bytes, bool], bool]
"""Whether a recorded reply is used; the second argument says whether it is of this run."""
_R = TypeVar("_R", Reply, ScoreReply)


class CallPolicy(msgspec.Struct, frozen=True):
    """How a model is called: the most concurrent calls, attempts per call, and waits in seconds.

    Refusals for the rate or the load are no attempts: such a call is sent again until it has waited `patience_s`.
    """

    max_concurrent: int = 8
    attempts: int = 6
    first_wait_s: float = 0.5
    max_wait_s: float = 60.0
    patience_s: float = 900.0

    def limiter(self) -> RateLimiter:
        """A new limiter under this policy."""
        return RateLimiter(self.max_concurrent, first_wait_s=self.first_wait_s, max_wait_s=self.max_wait_s)


class PricedModel(msgspec.Struct, frozen=True):
    """A model with its price and its call policy. A model whose price is not known has `priced` false.

    `effort` is what every chat call asks for that names none.
    """

    model: Model
    price: Price
    policy: CallPolicy = CallPolicy()
    priced: bool = True
    effort: str = ""


class Position(msgspec.Struct, frozen=True):
    """Where in a run a call is made. `harness` and `prompt` are those of the event `model.called`."""

    role: CallerRole
    place: str
    ordinal: int
    harness: str = ""
    prompt: str = ""


class ScoreRequest(msgspec.Struct, frozen=True, omit_defaults=True):
    """A request for the log-probabilities of continuations."""

    weights: str
    prompt: str
    continuations: Sequence[str]
    adapter: str | None = None
    seed: int = 0


class PaidReply(msgspec.Struct, frozen=True):
    """A reply to record, as JSON, with its usage, cost and latency. `unpriced`: what it cost is not known.

    `bound`: its server does not tell what it took, and `usage` is the most that it can have taken.
    """

    weights: str
    adapter: str | None
    seed: int
    reply: bytes
    finish: Finish
    usage: Usage
    usd: float
    latency_s: float
    unpriced: bool = False
    bound: bool = False


LONG = 0.5
"""The share of a cap from which one prompt counts as long: a harness that sends it is refused, and the run goes on."""


class ModelUnavailable(Exception):
    """The model was unreachable or overloaded at every attempt."""


class BudgetExceeded(Exception):
    """The next call might exceed a cap. `long`: its prompt alone might take more than `LONG` of the cap."""

    def __init__(self, resource: str, spent: float, cap: float, needed: float = 0.0) -> None:
        enough = f"; {spent + needed:.4g} would do" if needed else ""
        super().__init__(f"the budget of {cap:g} {resource} is too small for the next call ({spent:.4g} spent{enough})")
        self.resource, self.spent, self.cap = resource, spent, cap
        self.long = False


class Ledger(Protocol):
    """Recorded replies and the budget, as a `Caller` uses them."""

    def recall(self, at: Position, request: bytes, is_usable: Usable = lambda *_: True) -> bytes | None:
        """The usable reply that the lineage has recorded for `request` at this position, if any."""
        ...

    def claim(self, at: Position, request: bytes, patience_s: float) -> AbstractAsyncContextManager[None]:
        """Keeps other engines of the lineage from sending `request` at this position while the context lasts.

        Waits for one that has claimed it, for `patience_s` at most; what it got is then recorded.
        """
        ...

    def reserve(self, usd: float, tokens: int) -> AbstractContextManager[None]:
        """Reserves the highest cost of a call while the context lasts; raises `BudgetExceeded` if a cap is too low."""
        ...

    async def keep(self, at: Position, request: bytes, paid: PaidReply) -> None:
        """Records a reply; returns when it is on disk."""
        ...

    def waste(self, at: Position, request: bytes, paid: PaidReply, reason: str, *, bound: bool) -> None:
        """Records a billed reply that cannot be used; with `bound` its usage is the most that it may have taken."""
        ...

    def retried(self, at: Position, weights: str, attempt: int, wait_s: float, error: RetryableError) -> None:
        """Records that an attempt failed and the next one follows after `wait_s` seconds."""
        ...


class Caller:
    """Calls one model for one run, at the rate of `limiter`, which other callers of the model share."""

    def __init__(self, served: PricedModel, ledger: Ledger, limiter: RateLimiter | None = None) -> None:
        self.model = served.model
        self._price, self._priced, self._policy, self._ledger = served.price, served.priced, served.policy, ledger
        self._limiter = limiter or served.policy.limiter()
        self._first = asyncio.Lock()  # the first call goes alone, so that a bad key is refused once, not by each worker
        self._accepted, self._effort = False, served.effort
        self.in_flight = InFlight()
        self._reserved: set[asyncio.Event] = set()  # of calls in flight that count with all that they may yet cost
        self._refused: PermanentError | None = None

    @property
    def has_room(self) -> bool:
        """Whether a further call would be sent at once."""
        return self._limiter.has_room

    async def chat(self, at: Position, request: Request, listen: Callable[[], OnText] | None = None) -> Reply:
        """The reply to `request`; what `listen` gives at each attempt hears one that is not recorded as it arrives.

        Raises `PermanentError`, `ModelUnavailable` or `BudgetExceeded`.
        """
        request = replace(request, effort=request.effort or self._effort)
        body = msgspec.json.encode(request, order="deterministic")
        most = bounds.of_chat(request, body)
        send = lambda: self.model.chat(request, listen() if listen else None)  # noqa: E731
        return await self._call(at, request, body, most, send, Reply)

    async def score(self, at: Position, request: ScoreRequest) -> ScoreReply:
        """The log-probabilities of continuations; raises as `chat` does."""
        if not self.model.abilities.score:
            raise PermanentError(
                f"{self.model.weights} gives no log-probabilities of given texts", "use chat, or a local model"
            )
        body = msgspec.json.encode(request, order="deterministic")
        most = bounds.of_score(request.prompt, request.continuations, body)

        def send() -> Awaitable[ScoreReply]:
            return self.model.score(request.prompt, request.continuations, adapter=request.adapter)

        return await self._call(at, request, body, most, send, ScoreReply)

    async def _call(
        self,
        at: Position,
        request: Request | ScoreRequest,
        body: bytes,
        most: Usage,
        send: Callable[[], Awaitable[_R]],
        kind: type[_R],
    ) -> _R:
        key = (body, at.place, at.ordinal)
        await self.in_flight.until_alone(key)  # equal concurrent calls are paid once
        if (known := self._recall(at, body, kind)) is not None:
            return known
        ended = self.in_flight.begin(key)
        try:
            async with self._ledger.claim(at, body, self._policy.patience_s):
                if (known := self._recall(at, body, kind)) is not None:  # another engine has asked meanwhile
                    return known
                async with self._reserved_in_turn(most, ended):
                    began = time.monotonic()
                    reply = await self._send_first_alone(_Call(at, request, body, most), send)
                    used = bounds.used(reply, most)
                    bound, reply = used != reply.usage, replace(reply, usage=used)
                    paid = replace(self._paid(request, msgspec.json.encode(reply), used, began), bound=bound)
                    if isinstance(reply, Reply):
                        paid = replace(paid, finish=reply.finish)
                        if reply.usd is not None:
                            paid = replace(paid, usd=reply.usd, unpriced=False)
                    await self._ledger.keep(at, body, paid)
                    return reply
        except BudgetExceeded as error:
            prompt = most.input if error.resource == "tokens" else self._price(Usage(input=most.input))
            error.long = prompt > LONG * error.cap
            failed: Exception = error
        except (ModelUnavailable, PermanentError) as error:
            if isinstance(error, PermanentError) and error.status not in ACCOUNT_ERRORS:
                raise
            self.in_flight.give_up(failed := error)
        finally:
            self._reserved.discard(ended)
            self.in_flight.end(key)
        await self.in_flight.until_recorded(ended=isinstance(failed, BudgetExceeded))  # what was paid is not lost
        raise failed

    def _recall(self, at: Position, body: bytes, kind: type[_R]) -> _R | None:
        known = self._ledger.recall(at, body, lambda reply, is_own: is_usable(reply, kind, is_own=is_own))
        return None if known is None else msgspec.json.decode(known, type=kind)

    @asynccontextmanager
    async def _reserved_in_turn(self, most: Usage, ended: asyncio.Event) -> AsyncIterator[None]:
        """Reserves; where calls in flight leave no room in a cap, once they have ended, since most cost far less."""
        with ExitStack() as stack:
            while True:
                try:
                    stack.enter_context(self._reserve(most))
                    break
                except BudgetExceeded:
                    if not self._reserved:
                        raise
                    await next(iter(self._reserved)).wait()
            self._reserved.add(ended)
            yield

    def _reserve(self, most: Usage) -> AbstractContextManager[None]:
        usd = max(self._price(most), self._price(Usage(cache_write=most.input, output=most.output)))
        return self._ledger.reserve(usd, most.input + most.output)

    async def _send_first_alone(self, call: _Call, send: Callable[[], Awaitable[_R]]) -> _R:
        if not self._accepted:
            async with self._first:
                if self._refused is not None:
                    raise self._refused
                if not self._accepted:
                    reply = await self._send_with_retries(call, send)
                    self._accepted = True
                    return reply
        return await self._send_with_retries(call, send)

    async def _send_with_retries(self, call: _Call, send: Callable[[], Awaitable[_R]]) -> _R:
        failures, refused_since = 0, None
        for attempt in itertools.count(1):
            try:
                async with self._limiter.turn(again=refused_since is not None) as turn:
                    try:
                        with self.in_flight.sending((call.body, call.at.place, call.at.ordinal)):
                            return await self._receive(call, send)
                    except RetryableError as error:
                        if error.status in CONGESTION:
                            refused_since = refused_since or turn.sent
                            self._limiter.refused(turn, error.after_s, overloaded=error.status != 429)
                        raise
            except PermanentError as error:
                clear = type(error)(_storable(call.at, error), error.remedy, status=error.status)
                self._refused = clear if error.status in ACCOUNT_ERRORS else None
                raise clear from None
            except RetryableError as error:
                failures += turn.refused_s is None
                await self._retry(call, attempt, failures, turn, refused_since, error)
        raise AssertionError

    async def _retry(
        self, call: _Call, attempt: int, failures: int, turn: Turn, refused_since: float | None, error: RetryableError
    ) -> None:
        """Records that the attempt failed, and waits; raises where no further attempt is due."""
        policy, at, weights = self._policy, call.at, self.model.weights
        clean = RetryableError(_storable(at, error), status=error.status, after_s=error.after_s)
        if turn.refused_s is not None and refused_since is not None:
            if turn.sent + turn.refused_s - refused_since > policy.patience_s:
                over = plural(policy.patience_s / 60, "minute")
                raise ModelUnavailable(f"{weights} refused a call over {over} ({clean})") from None
            self._ledger.retried(at, weights, attempt, round(turn.refused_s, 3), clean)
            return  # the limiter lets it wait
        if failures == policy.attempts:
            raise ModelUnavailable(f"{weights} gave no reply in {plural(failures, 'attempt')} ({clean})") from None
        wait_s = _wait(policy, failures, error.after_s)
        self._ledger.retried(at, weights, attempt, wait_s, clean)
        if isinstance(error, UnusableReply):
            with self._reserve(Usage()):
                pass  # raises where the cap has no room for another one
        await asyncio.sleep(wait_s)

    async def _receive(self, call: _Call, send: Callable[[], Awaitable[_R]]) -> _R:
        """One reply as it is used and recorded. One that cannot be used is recorded, and raised as its error."""
        began = time.monotonic()
        try:
            reply = await send()
        except UnusableReply as error:
            self._waste(call, error.raw, error.usage, began, error)
            raise
        except RecursionError:
            unusable = UnusableReply("the reply is nested too deeply", b"", None)
            self._waste(call, b"", None, began, unusable)
            raise unusable from None
        try:
            return received(reply)
        except (RetryableError, PermanentError, RecursionError) as error:
            self._waste(call, raw(reply), reply.usage, began, error)
            if isinstance(error, PermanentError):
                raise
            message = "the reply is nested too deeply" if isinstance(error, RecursionError) else str(error)
            raise UnusableReply(message, b"", None) from None

    def _waste(self, call: _Call, raw: bytes, usage: Usage | None, began: float, error: Exception) -> None:
        known = usage if is_sound(usage) else None
        text = redact(raw[:MAX_WASTE].decode(errors="replace")).encode(errors="replace")
        paid = self._paid(call.request, text, known or call.most, began)
        reason = _storable(call.at, error)
        self._ledger.waste(call.at, call.body, paid, reason, bound=known is None)

    def _paid(self, request: Request | ScoreRequest, reply: bytes, usage: Usage, began: float) -> PaidReply:
        return PaidReply(
            weights=request.weights,
            adapter=request.adapter,
            seed=request.seed,
            reply=reply,
            finish="stop",
            usage=usage,
            usd=self._price(usage),
            latency_s=round(time.monotonic() - began, 3),
            unpriced=not self._priced,
        )


class _Call(msgspec.Struct, frozen=True):
    """A call to be sent: its request, also as bytes, and the most that it can take."""

    at: Position
    request: Request | ScoreRequest
    body: bytes
    most: Usage


def _storable(at: Position, error: Exception) -> str:
    """What is recorded of a server's error, which may quote the question: the judge's question holds labels."""
    status = getattr(error, "status", None)
    if at.role == "judge" and not at.place.startswith("train/") and status not in ACCOUNT_ERRORS:
        return "the server gave an error" + (f" (status {status})" if status else "")
    return redact_error(str(error) or type(error).__name__)


def _wait(policy: CallPolicy, attempt: int, after_s: float | None) -> float:
    """Seconds: the server's Retry-After, else exponential backoff with jitter."""
    if after_s is not None:
        return min(after_s, MAX_WAIT_S)
    return round(min(policy.max_wait_s, policy.first_wait_s * 2.0 ** (attempt - 1)) * (0.5 + random.random() / 2), 3)
