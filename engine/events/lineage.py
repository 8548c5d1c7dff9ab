"""Recorded effects of a lineage, the runs that share a root: the rows from which effects are reused."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from engine.events.event import Event
from engine.events.reader import COLUMNS, Reader

_JOINED = ", ".join(f"e.{name}" for name in COLUMNS.split(", "))
_ROOT = "(SELECT root FROM runs WHERE run = ?)"


class Lineage:
    """The lineage of `run`. Every look-up returns events of all its runs, the oldest first."""

    def __init__(self, reader: Reader, run: str) -> None:
        self._reader, self._run = reader, run

    def results(
        self, harness: str, weights: str | None, prepared: str, wanted: Iterable[tuple[str, str, int]]
    ) -> list[Event]:
        """The `instance.finished` events of a harness under an adapter (None is the base), prepared on `prepared`.

        `wanted` are their (split, instance, repeat). No others are read: a noisy incumbent has some of each generation.
        """
        return self._reader.query(
            f"""SELECT {_JOINED} FROM json_each(?) w CROSS JOIN results r JOIN events e ON e.seq = r.seq
                WHERE r.root = {_ROOT} AND r.harness = ? AND r.weights = ? AND r.prepared = ?
                AND r.split = json_extract(w.value, '$[0]') AND r.instance = json_extract(w.value, '$[1]')
                AND r.repeat = json_extract(w.value, '$[2]') ORDER BY r.seq""",  # noqa: S608
            (msgspec.json.encode(list(set(wanted))).decode(), self._run, harness, weights or "", prepared),
        )

    def replies(self, request: str, place: str, ordinal: int) -> list[Event]:
        """The `model.called` events of a request, named by its digest, at a position."""
        return self._reader.query(
            f"""SELECT {_JOINED} FROM replies r JOIN events e ON e.seq = r.seq
                WHERE r.root = {_ROOT} AND r.request = ? AND r.place = ? AND r.ordinal = ? ORDER BY r.seq""",  # noqa: S608
            (self._run, request, place, ordinal),
        )

    def heads(self) -> dict[str, int]:
        """The number of the last event of each run."""
        rows = self._reader.rows(f"SELECT run, head_n FROM runs WHERE root = {_ROOT}", (self._run,))  # noqa: S608
        return {str(run): int(n) for run, n in rows}

    def of_type(self, kind: str, *, after: Mapping[str, int], until: Mapping[str, int]) -> list[Event]:
        """The events of type `kind` whose numbers are greater than `after` has for their run, and up to `until`."""
        found = [
            event
            for run, last in until.items()
            if last > after.get(run, 0)
            for event in self._reader.of_type_in(run, kind, after=after.get(run, 0), until=last)
        ]
        return sorted(found, key=lambda event: event.seq)
