"""Recorded effects of a lineage, the runs that share a root: the rows from which effects are reused."""

from __future__ import annotations

from engine.events.event import Event
from engine.events.reader import COLUMNS, Reader

_JOINED = ", ".join(f"e.{name}" for name in COLUMNS.split(", "))
_ROOT = "(SELECT root FROM runs WHERE run = ?)"


class Lineage:
    """The lineage of `run`. Every look-up returns events of all its runs, the oldest first."""

    def __init__(self, reader: Reader, run: str) -> None:
        self._reader, self._run = reader, run

    def results(self, harness: str, weights: str | None, prepared: str) -> list[Event]:
        """The `instance.finished` events of a harness under an adapter (None is the base), prepared on `prepared`."""
        return self._reader.query(
            f"""SELECT {_JOINED} FROM results r JOIN events e ON e.seq = r.seq
                WHERE r.root = {_ROOT} AND r.harness = ? AND r.weights = ? AND r.prepared = ? ORDER BY r.seq""",  # noqa: S608
            (self._run, harness, weights or "", prepared),
        )

    def replies(self, request: str, place: str, ordinal: int) -> list[Event]:
        """The `model.called` events of a request, named by its digest, at a position."""
        return self._reader.query(
            f"""SELECT {_JOINED} FROM replies r JOIN events e ON e.seq = r.seq
                WHERE r.root = {_ROOT} AND r.request = ? AND r.place = ? AND r.ordinal = ? ORDER BY r.seq""",  # noqa: S608
            (self._run, request, place, ordinal),
        )

    def of_type(self, kind: str, *, after: int = 0) -> list[Event]:
        """The events of type `kind` that were stored after the sequence number `after`."""
        return self._reader.query(
            f"""SELECT {_JOINED} FROM events e WHERE e.seq > ? AND e.type = ?
                AND +e.run IN (SELECT run FROM runs WHERE root = {_ROOT}) ORDER BY e.seq""",  # noqa: S608
            (after, kind, self._run),
        )
