"""The ledger of a run's model calls: what its lineage has recorded, what a call may cost, and what came back.

A reply is on the disk before anyone uses it. One that this run's history holds for the same generation and candidate
is returned as it is; one from elsewhere in the lineage is recorded as reused, and costs nothing.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from typing import Any

from msgspec.structs import replace

from engine.core import budget
from engine.events import types as t
from engine.events.reader import Reader
from engine.events.storage import blobs
from engine.models import claims
from engine.models.calling import BudgetExceeded, PaidReply, Position, Usable
from engine.models.protocol import RetryableError
from engine.run.journal import Journal, generation_now
from engine.run.reuse import Reuse


class RunLedger:
    """The `Ledger` of one run."""

    def __init__(self, journal: Journal, reader: Reader, reuse: Reuse) -> None:
        self._journal, self._reader, self._reuse = journal, reader, reuse
        self._usd, self._tokens = 0.0, 0
        self._in_flight = self._arrived = 0  # calls with a reservation, and those of them that wait for the disk

    @property
    def _generation(self) -> int:
        return generation_now(self._journal.state)

    def recall(self, at: Position, request: bytes, is_usable: Usable = lambda *_: True) -> bytes | None:
        """As `Ledger.recall`."""
        for call, is_own in self._find_replies(at, request):
            try:
                reply = self._reader.blob(call.reply)
            except blobs.LeftOut:  # the run came here without its data
                continue
            if not is_usable(reply, is_own):
                continue
            if not is_own:
                again = replace(call, **_fields(at), usd=0.0, latency_s=0.0, reused=True, unpriced=False)
                self._journal.append(self._generation, again)
            return reply
        return None

    def claim(self, at: Position, request: bytes, patience_s: float) -> AbstractAsyncContextManager[None]:
        """As `Ledger.claim`."""
        claim = f"{self._reuse.root} {blobs.digest(request)} {at.place} {at.ordinal}"
        return claims.held(self._reader.path.with_name(claims.FILE), claim, patience_s)

    @contextlib.contextmanager
    def reserve(self, usd: float, tokens: int) -> Iterator[None]:
        """As `Ledger.reserve`; a call in flight counts with all that it may yet cost."""
        caps = budget.spending(self._journal.state)
        for resource, needed in (("usd", self._usd + usd), ("tokens", self._tokens + tokens)):
            spent, cap = caps.get(resource, (0.0, float("inf")))
            if spent + needed > cap:
                raise BudgetExceeded(resource, spent, cap, needed)
        self._usd, self._tokens = self._usd + usd, self._tokens + tokens
        self._in_flight += 1
        try:
            yield
        finally:
            self._in_flight -= 1
            self._usd, self._tokens = self._usd - usd, self._tokens - tokens

    async def keep(self, at: Position, request: bytes, paid: PaidReply) -> None:
        """As `Ledger.keep`."""
        call = t.ModelCalled(
            **_fields(at),
            weights=paid.weights,
            adapter=paid.adapter,
            request=blobs.digest(request),
            reply=blobs.digest(paid.reply),
            finish=paid.finish,
            usage=paid.usage,
            usd=paid.usd,
            latency_s=paid.latency_s,
            seed=paid.seed,
            unpriced=paid.unpriced,
            bound=paid.bound,
        )
        self._arrived += 1
        try:
            await self._journal.append_together(
                self._generation, call, [request, paid.reply], lambda: self._arrived < self._in_flight
            )
        finally:
            self._arrived -= 1

    def waste(self, at: Position, request: bytes, paid: PaidReply, reason: str, *, bound: bool) -> None:
        """As `Ledger.waste`."""
        wasted = t.ModelWasted(
            **_fields(at),
            weights=paid.weights,
            adapter=paid.adapter,
            request=blobs.digest(request),
            reply=blobs.digest(paid.reply),
            reason=" ".join(reason.split())[:300],
            usage=paid.usage,
            bound=bound,
            usd=paid.usd,
            latency_s=paid.latency_s,
            seed=paid.seed,
            unpriced=paid.unpriced,
        )
        self._journal.append(self._generation, wasted, contents=[request, paid.reply])

    def retried(self, at: Position, weights: str, attempt: int, wait_s: float, error: RetryableError) -> None:
        """As `Ledger.retried`."""
        reason = " ".join(str(error).split())[:300]
        retry = t.ModelRetried(at.role, weights, at.place, at.ordinal, attempt, wait_s, reason, error.status)
        self._journal.append(self._generation, retry, durable=False)

    def _find_replies(self, at: Position, request: bytes) -> list[tuple[t.ModelCalled, bool]]:
        """The lineage's replies at this position; first, and marked, those of this run, generation and candidate."""
        found: list[tuple[t.ModelCalled, bool]] = []
        for event, call in self._reuse.replies(blobs.digest(request), at.place, at.ordinal):
            is_own = self._reuse.is_own(event) and event.generation == self._generation
            found.append((call, is_own and (call.role, call.harness) == (at.role, at.harness)))
        return sorted(found, key=lambda one: not one[1])


def _fields(at: Position) -> dict[str, Any]:
    return {"role": at.role, "place": at.place, "ordinal": at.ordinal, "harness": at.harness, "prompt": at.prompt}
