"""The run's ledger of model calls: what its lineage remembers, what a call may cost, and what was replied.

A reply is on the disk before anyone uses it. One that this run's history holds for the same generation and candidate
is given again without a word; one from elsewhere in the lineage is recorded as reused, and costs nothing.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, Protocol

from msgspec.structs import replace

from engine.core import budget
from engine.core.state import State
from engine.events import blobs
from engine.events import types as t
from engine.events.codec import decode
from engine.events.log import RunLog
from engine.models.calling import Overspent, Paid, Position
from engine.models.protocol import Transient


class Book(Protocol):
    """Of a live run what its ledger reads, and where it writes."""

    @property
    def log(self) -> RunLog:
        """The run's log."""
        ...

    @property
    def state(self) -> State:
        """The state at the log's end."""
        ...

    def append(
        self, generation: int, *payloads: t.Payload, contents: Sequence[bytes] = (), durable: bool = True
    ) -> None:
        """Appends events and the blobs `contents`."""
        ...


class _Known(NamedTuple):
    """A reply of the lineage; `here` says that this run's history tells of it, for this candidate and generation."""

    call: t.ModelCalled
    here: bool


class RunLedger:
    """The `Ledger` of one run; used while a step is open."""

    def __init__(self, run: Book) -> None:
        self._run = run
        self._usd, self._tokens = 0.0, 0
        self._own: dict[str, int | None] | None = None

    @property
    def _generation(self) -> int:
        step = self._run.state.open_step
        if step is None:
            raise AssertionError("a model is called within a step")
        return step.generation

    def recall(self, at: Position, request: bytes) -> bytes | None:
        """As `Ledger.recall`."""
        name = blobs.digest(request)
        for call, here in self._remembered(at, name):
            try:
                reply = self._run.log.reader.blob(call.reply)
            except blobs.LeftOut:  # the run came here without its data
                continue
            if not here:
                self._run.append(self._generation, replace(call, **_placed(at), usd=0.0, latency_s=0.0, reused=True))
            return reply
        return None

    @contextlib.contextmanager
    def reserve(self, usd: float, tokens: int) -> Iterator[None]:
        """As `Ledger.reserve`; what is in flight counts with all that it may yet cost."""
        caps = budget.used(self._run.state)
        for resource, wanted in (("usd", self._usd + usd), ("tokens", self._tokens + tokens)):
            spent, cap = caps.get(resource, (0.0, float("inf")))
            if spent + wanted > cap:
                raise Overspent(resource, spent, cap)
        self._usd, self._tokens = self._usd + usd, self._tokens + tokens
        try:
            yield
        finally:
            self._usd, self._tokens = self._usd - usd, self._tokens - tokens

    def keep(self, at: Position, request: bytes, paid: Paid) -> None:
        """As `Ledger.keep`."""
        call = t.ModelCalled(
            **_placed(at),
            weights=paid.weights,
            adapter=paid.adapter,
            request=blobs.digest(request),
            reply=blobs.digest(paid.reply),
            finish=paid.finish,
            usage=paid.usage,
            usd=paid.usd,
            latency_s=paid.latency_s,
            seed=paid.seed,
        )
        self._run.append(self._generation, call, contents=[request, paid.reply])

    def retried(self, at: Position, weights: str, attempt: int, wait_s: float, error: Transient) -> None:
        """As `Ledger.retried`."""
        reason = " ".join(str(error).split())[:300]
        retry = t.ModelRetried(at.role, weights, at.place, at.ordinal, attempt, wait_s, reason, error.status)
        self._run.append(self._generation, retry, durable=False)

    def _remembered(self, at: Position, request: str) -> list[_Known]:
        """The lineage's replies to `request` at this position, first those of this very run and candidate."""
        rows = self._run.log.db.conn.execute(
            """SELECT e.run, e.n, e.generation, e.type, e.v, e.payload FROM replies r JOIN events e ON e.seq = r.seq
               WHERE r.root = (SELECT root FROM runs WHERE run = ?)
                 AND r.request = ? AND r.place = ? AND r.ordinal = ? ORDER BY r.seq""",
            (self._run.log.run, request, at.place, at.ordinal),
        ).fetchall()
        found: list[_Known] = []
        for run, n, generation, kind, version, stored in rows:
            call = decode(kind, version, stored)
            assert isinstance(call, t.ModelCalled)  # noqa: S101 - the read model holds nothing else
            here = self._in_history(run, n) and generation == self._generation
            found.append(_Known(call, here and (call.role, call.harness) == (at.role, at.harness)))
        return sorted(found, key=lambda known: not known.here)

    def _in_history(self, run: str, n: int) -> bool:
        if self._own is None:
            self._own = dict(self._run.log.reader.segments(self._run.log.run))
        until = self._own.get(run, 0)
        return until is None or n <= until


def _placed(at: Position) -> dict[str, Any]:
    return {"role": at.role, "place": at.place, "ordinal": at.ordinal, "harness": at.harness, "prompt": at.prompt}
