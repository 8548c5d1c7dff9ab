"""Reads the log: runs by name, histories through their forks, results, blobs. Never writes.

A fork's events chain to its parent's: the history of a run is its ancestors' prefixes and then its own events,
with `n` counting through.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from engine.errors import SiaError
from engine.events.archive import is_archive
from engine.events.event import Event
from engine.events.readmodels import NEWEST
from engine.events.storage import blobs
from engine.events.storage.connection import explained, open_reader
from engine.events.storage.database import Database
from engine.events.storage.schema import MILESTONE, REUSED

_TYPES = (int, str, int, str, int, int, int, bytes, str, str)
SHOWN_ID = 8
MANY, ROW_BYTES = 50_000, 16
"""From so many rows on it is checked whether the file has room for them; each takes more than this."""
COLUMNS = "seq, run, n, type, v, at, generation, payload, prev_hash, hash"


class RunRow(msgspec.Struct, frozen=True):
    """A row of the read model `runs`."""

    run: str
    name: str
    domain: str
    root: str
    parent: str | None
    parent_n: int | None
    created_at: int
    created_seq: int
    status: str
    generation: int
    best: float | None
    head_n: int
    head_hash: str

    def goes_by(self, name: str) -> bool:
        """Whether commands that are given `name` mean this run: its name, or as much of its id as lists show."""
        return name == self.name or (len(name) >= SHOWN_ID and self.run.startswith(name))


class GenerationRow(msgspec.Struct, frozen=True):
    """A row of the read model `generations`; None is what has not been recorded yet."""

    run: str
    generation: int
    lever: str | None
    harness: str
    weights: str | None
    val: float | None
    se: float | None
    accepted: bool | None


class Reader:
    """Reads a log through one connection. Where `until` is given, nothing after that event is read."""

    def __init__(self, db: Database, path: Path) -> None:
        self.db = db
        self.path = path

    @classmethod
    def open(cls, path: Path) -> Reader:
        """Opens a log or an exported run, read-only; raises `SiaError` where there is none that can be read."""
        if is_archive(path):
            from engine.events.unseal import open_archive

            return cls(open_archive(path)[0], path)
        return cls(open_reader(path), path)

    def close(self) -> None:
        """Closes the connection."""
        self.db.close()

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """The rows of a statement. Statements stand in this package only."""
        with explained(self.path):
            cursor = self.db.conn.execute(sql, parameters)
            rows: list[tuple[Any, ...]] = cursor.fetchmany(MANY)
            if len(rows) == MANY:
                ((pages, size),) = self.db.conn.execute("SELECT * FROM pragma_page_count, pragma_page_size")
                most = pages * size // ROW_BYTES
                rows += cursor.fetchmany(most)
                if len(rows) > most:
                    raise SiaError(f"{self.path} is damaged or forged: it has too many rows", "restore it from a copy")
            return rows

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> list[Event]:
        """The events of a statement that selects `COLUMNS`."""
        return [self._event(row) for row in self.rows(sql, parameters)]

    def _event(self, row: tuple[Any, ...]) -> Event:
        if tuple(map(type, row)) != _TYPES:  # a table is strict when it is written, not when it is read
            raise SiaError(f"{self.path} is damaged (event {row[2]!r})", "run `sia verify`")
        return Event(*row)

    def runs(self) -> list[RunRow]:
        """All runs, oldest first."""
        names = ", ".join(RunRow.__struct_fields__)
        return [RunRow(*row) for row in self.rows(f"SELECT {names} FROM runs ORDER BY created_seq")]  # noqa: S608

    def generations(self) -> list[GenerationRow]:
        """All runs' own generations, in order."""
        return self._generations("ORDER BY run, generation")

    def generations_of(self, run: str, *, after: int = 0) -> list[GenerationRow]:
        """A run's own generations of a number beyond `after`, in order."""
        return self._generations("WHERE run = ? AND generation > ? ORDER BY generation", (run, after))

    def _generations(self, which: str, parameters: Sequence[Any] = ()) -> list[GenerationRow]:
        names = GenerationRow.__struct_fields__
        rows = self.rows(f"SELECT {', '.join(names)} FROM generations {which}", parameters)  # noqa: S608
        return [msgspec.convert(dict(zip(names, row, strict=True)), GenerationRow, strict=False) for row in rows]

    def generation_of(self, run: str, n: int) -> int:
        """The generation of event `n` in a run's history; 0 where there is none."""
        for part, _ in reversed(self.segments(run, n)):
            rows = self.rows("SELECT generation FROM events WHERE run = ? AND n = ?", (part, n))
            if rows:
                return int(rows[0][0])
        return 0

    def find(self, reference: str) -> RunRow:
        """A run by id, name, unique prefix of either, or `last` (the most recently created)."""
        runs = self.runs()
        if not runs:
            raise SiaError("this workspace has no runs", "start one with `sia run toy`")
        if reference == NEWEST:
            return runs[-1]
        for exact in [*(run for run in runs if run.run == reference), *(run for run in runs if run.name == reference)]:
            return exact
        prefix = reference or None  # an unset variable of a shell names nothing
        matches = [run for run in runs if prefix and (run.run.startswith(prefix) or run.name.startswith(prefix))]
        if len(matches) == 1:
            return matches[0]
        if matches:
            raise SiaError(
                f"{reference!r} matches {len(matches)} runs", f"choose one of {', '.join(r.name for r in matches[:5])}"
            )
        raise SiaError(f"there is no run {reference!r}", "`sia ls` lists them")

    def segments(self, run: str, until: int | None = None) -> list[tuple[str, int | None]]:
        """The (run, last n) parts of a history, oldest first; None is up to the end."""
        parts: list[tuple[str, int | None]] = []
        current: str | None = run
        while current is not None:
            if any(current == known for known, _ in parts):
                raise SiaError(f"the history of {run} is circular", "run `sia rebuild`")
            parts.append((current, until))
            row = self.rows("SELECT parent, parent_n FROM runs WHERE run = ?", (current,))
            if not row:
                raise SiaError(f"the history of {run} is incomplete: {current} is missing", "run `sia verify`")
            current, at = row[0]
            until = at if until is None or at is None else min(at, until)
        return parts[::-1]

    def history(self, run: str, *, after: int = 0, until: int | None = None) -> Iterator[Event]:
        """The events of a run with `after < n <= until`, its ancestors' prefixes included, in order."""
        for part, last in self.segments(run, until):
            bound = last if last is not None else 1 << 62
            yield from self.numbered(part, after, bound)

    def outline(self, run: str) -> Iterator[Event]:
        """The history of a run without `instance.finished`: few events, on which all but counts depends."""
        for part, last in self.segments(run):
            yield from self.milestones(part, after=0, until=last if last is not None else 1 << 62)

    def own(self, run: str, until: int | None = None) -> list[Event]:
        """The events written under this run's own id, up to `until`, in order."""
        return self.numbered(run, 0, until if until is not None else 1 << 62)

    def all_events(self) -> Iterator[Event]:
        """Every event of every run, in the order in which they were stored."""
        with explained(self.path):
            last = -1
            for row in self.db.execute(f"SELECT {COLUMNS} FROM events ORDER BY seq"):  # noqa: S608
                if row[0] <= last:
                    raise SiaError(f"{self.path} is damaged or forged: its events repeat", "restore it from a copy")
                last = row[0]
                yield self._event(row)

    def of_type(self, kind: str) -> list[Event]:
        """The events of type `kind` of all runs, in the order in which they were stored."""
        return self.query(f"SELECT {COLUMNS} FROM events WHERE type = ? ORDER BY seq", (kind,))  # noqa: S608

    def of_type_in(self, part: str, kind: str, *, after: int, until: int) -> list[Event]:
        """The events of type `kind`, not `instance.finished`, stored under `part` with `after < n <= until`."""
        return self.milestones(part, after=after, until=until, types=[kind])

    def tests(self) -> list[Event]:
        """The events of all runs that begin or end a reading of the test split, in the order of storage."""
        return self.query(
            f"""SELECT {COLUMNS} FROM events WHERE type <> 'instance.finished' AND (type = 'test.unsealed'
                OR (type = 'step.started' AND instr(payload, CAST('"kind":"test"' AS BLOB)) > 0)) ORDER BY seq"""  # noqa: S608
        )

    def stored_hash(self, run: str, n: int) -> str | None:
        """The hash of event `n` that is stored under this run's own id; None where there is none."""
        rows = self.rows("SELECT hash FROM events WHERE run = ? AND n = ?", (run, n))
        return str(rows[0][0]) if rows else None

    def head(self, run: str) -> Event | None:
        """The last event written under this run's own id."""
        rows = self.rows(f"SELECT {COLUMNS} FROM events WHERE run = ? ORDER BY n DESC LIMIT 1", (run,))  # noqa: S608
        return self._event(rows[0]) if rows else None

    def last_type(self, run: str, ignoring: Sequence[str]) -> str:
        """The type of the last event of a run's history that is of none of the types `ignoring`; empty without one."""
        marks = ", ".join("?" * len(ignoring))
        for part, last in reversed(self.segments(run)):
            rows = self.rows(
                f"SELECT type FROM events WHERE run = ? AND n <= ? AND type NOT IN ({marks}) ORDER BY n DESC LIMIT 1",  # noqa: S608
                (part, last if last is not None else 1 << 62, *ignoring),
            )
            if rows:
                return str(rows[0][0])
        return ""

    def event(self, run: str, n: int) -> Event:
        """Event number `n` of a run's history; raises `SiaError` where there is none."""
        for event in self.history(run, after=n - 1, until=n):
            return event
        raise SiaError(f"the run has no event {n}", "`sia log` lists them")

    def last_n(self, run: str) -> int:
        """The number of the last event of a run; 0 where there is no such run."""
        rows = self.rows("SELECT head_n FROM runs WHERE run = ?", (run,))
        return int(rows[0][0]) if rows else 0

    def milestones(self, part: str, *, after: int, until: int, types: Sequence[str] = ()) -> list[Event]:
        """All events but `instance.finished` that are stored under `part`, with `after < n <= until`, in order.

        With `types`, only those of these types.
        """
        some = f"AND type IN ({', '.join('?' * len(types))})" if types else ""
        return self.query(
            f"SELECT {COLUMNS} FROM events WHERE run = ? AND n > ? AND n <= ? AND {MILESTONE} {some} ORDER BY n",  # noqa: S608
            (part, after, until, *types),
        )

    def reused_between(self, part: str, after: int, until: int) -> int:
        """How many of the results stored under `part`, with `after < n <= until`, were reused."""
        rows = self.rows(
            f"SELECT count(*) FROM events WHERE run = ? AND n > ? AND n <= ? AND {REUSED}",  # noqa: S608
            (part, after, until),
        )
        return int(rows[0][0])

    def numbered(self, part: str, after: int, until: int) -> list[Event]:
        """The events stored under `part` with `after < n <= until`, in order."""
        rows = self.rows(
            f"SELECT {COLUMNS} FROM events WHERE run = ? AND n > ? AND n <= ? ORDER BY n",  # noqa: S608
            (part, after, until),
        )
        return [self._event(row) for row in rows]

    def matching(self, run: str, condition: str, parameters: Sequence[Any], *, after: int, until: int) -> list[int]:
        """The numbers of the events with `after < n <= until` for which `condition`, over the columns, holds."""
        found: list[int] = []
        for part, last in self.segments(run, until):
            rows = self.rows(
                f"SELECT n FROM events WHERE run = ? AND n > ? AND n <= ? AND ({condition}) ORDER BY n",  # noqa: S608
                (part, after, last if last is not None else until, *parameters),
            )
            found += [n for (n,) in rows]
        return found

    def results_of(
        self, run: str, instance: str, *, generation: int | None = None, until: int | None = None
    ) -> list[Event]:
        """The `instance.finished` events of an instance in a run's history, of one generation or all, in order."""
        return self._events_where("results", "instance", instance, run, generation, until)

    def calls_at(self, run: str, place: str, *, generation: int | None = None, until: int | None = None) -> list[Event]:
        """The calls of models and tools at a place (`SPLIT/INSTANCE/REPEAT`, say); else as `results_of`."""
        if "replies" not in self.db.table_names():  # a read-only log of an earlier release
            return []
        return self._events_where("replies", "place", place, run, generation, until)

    def _events_where(
        self, table: str, column: str, value: str, run: str, generation: int | None, until: int | None
    ) -> list[Event]:
        """The events of a run's history whose rows in a derived table have that value."""
        found: list[Event] = []
        for part, last in self.segments(run, until):
            rows = self.rows(
                f"""SELECT {", ".join(f"e.{name}" for name in COLUMNS.split(", "))}
                    FROM {table} r JOIN events e ON e.seq = r.seq
                    WHERE r.run = ?1 AND r.{column} = ?2 AND r.n <= ?3 AND (?4 IS NULL OR r.generation = ?4)
                    ORDER BY r.n""",  # noqa: S608
                (part, value, last if last is not None else 1 << 62, generation),
            )
            found += [self._event(row) for row in rows]
        return found

    def grid(self, run: str, split: str, *, until: int | None = None) -> list[tuple[str, int, float, int]]:
        """(instance, generation, mean score, failures) of each generation's own candidate on `split`."""
        found: list[tuple[str, int, float, int]] = []
        for part, last in self.segments(run, until):
            found += self.rows(
                """SELECT r.instance, r.generation, avg(r.score), count(r.failure) FROM results r
                   JOIN generations g ON g.run = r.run AND g.generation = r.generation AND g.harness = r.harness
                   AND coalesce(g.weights, '') = r.weights
                   WHERE r.run = ? AND r.split = ? AND r.n <= ? GROUP BY r.instance, r.generation""",
                (part, split, last if last is not None else 1 << 62),
            )
        return found

    def first_failed(self, part: str, generation: int, *, after: int, until: int) -> Event | None:
        """The first failed result, with `after < n <= until`, of a generation's own candidate, stored under `part`."""
        columns = ", ".join(f"e.{name}" for name in COLUMNS.split(", "))
        found = self.query(
            f"""SELECT {columns} FROM results r
                JOIN generations g ON g.run = r.run AND g.generation = r.generation
                AND g.harness = r.harness AND coalesce(g.weights, '') = r.weights
                JOIN events e ON e.seq = r.seq
                WHERE r.seq > (SELECT seq FROM events WHERE run = ?1 AND n >= ?3 ORDER BY n LIMIT 1)
                AND r.seq <= (SELECT seq FROM events WHERE run = ?1 AND n <= ?4 ORDER BY n DESC LIMIT 1)
                AND +r.run = ?1 AND r.generation = ?2 AND r.failure IS NOT NULL
                ORDER BY r.seq LIMIT 1""",  # noqa: S608
            (part, generation, after, until),
        )
        return found[0] if found else None

    def scores_of(
        self, run: str, generation: int, harness: str, split: str, *, until: int | None = None
    ) -> list[tuple[str, int, float]]:
        """(instance, repeat, score) of what `harness` answered in a generation."""
        found: list[tuple[str, int, float]] = []
        for part, last in self.segments(run, until):
            found += self.rows(
                """SELECT instance, repeat, score FROM results
                   WHERE run = ? AND generation = ? AND harness = ? AND split = ? AND n <= ?""",
                (part, generation, harness, split, last if last is not None else 1 << 62),
            )
        return found

    def sums(
        self, run: str, generation: int, *, after: int, until: int
    ) -> list[tuple[str, str, str, int, int, float, float]]:
        """(harness, weights, split, results, failures, sum of scores, of their squares) of what a generation answered.

        Reads the results with `after < n <= until` only.
        """
        found: list[tuple[str, str, str, int, int, float, float]] = []
        for part, last in self.segments(run, until):
            found += self.rows(
                """SELECT harness, weights, split, count(*), count(failure), sum(score), sum(score * score)
                   FROM results NOT INDEXED WHERE run = ?1 AND generation = ?2
                   AND seq >= (SELECT seq FROM events WHERE run = ?1 AND n > ?3 ORDER BY n LIMIT 1)
                   AND seq <= (SELECT seq FROM events WHERE run = ?1 AND n <= ?4 ORDER BY n DESC LIMIT 1)
                   GROUP BY harness, weights, split""",
                (part, generation, after, last if last is not None else until),
            )
        return found

    def groups_of(
        self, run: str, generation: int, split: str, *, until: int | None = None, field: str = "group"
    ) -> dict[str, str]:
        """The domain's `group` or `slice` of each instance of `split` that has one, as recorded in a generation."""
        found: dict[str, str] = {}
        for part, last in self.segments(run, until):
            rows = self.rows(
                """SELECT r.instance, json_extract(CAST(e.payload AS TEXT), ?) FROM results r
                   JOIN events e ON e.seq = r.seq WHERE r.run = ? AND r.generation = ? AND r.split = ? AND r.n <= ?""",
                (f"$.{field}", part, generation, split, last if last is not None else 1 << 62),
            )
            found |= {str(instance): str(group) for instance, group in rows if group}
        return found

    def blob(self, name: str) -> bytes:
        """The contents named `name`."""
        with explained(self.path):
            return blobs.get(self.db.conn, name)

    def blob_codec(self, name: str) -> str | None:
        """How the blob `name` is stored (`blobs.LEFT_OUT`: by name only); None where the log lacks it."""
        rows = self.rows("SELECT codec FROM blobs WHERE sha256 = ?", (name,))
        return str(rows[0][0]) if rows else None

    def stored_blobs(self) -> Iterator[tuple[str, str, bytes]]:
        """(name, codec, packed contents) of every blob, those that were left out included."""
        with explained(self.path):
            yield from self.db.execute("SELECT sha256, codec, data FROM blobs")

    def data_version(self) -> int:
        """Changes whenever another connection has written. Costs microseconds."""
        return int(self.rows("PRAGMA data_version")[0][0])
