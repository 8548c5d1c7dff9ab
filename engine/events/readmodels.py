"""Derived tables, kept in the transaction of each append and refilled by `rebuild`."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from itertools import zip_longest
from typing import Any

from engine.errors import SiaError
from engine.events import types
from engine.events.codec import Unreadable, decode
from engine.events.event import Event
from engine.events.storage import schema
from engine.events.storage.connection import DatabaseError, connect_plainly, transaction
from engine.events.storage.database import Database

_STATUS = {
    types.RunPaused: "paused",
    types.RunStopped: "stopped",
    types.RunFinished: "finished",
    types.RunFailed: "failed",
    types.RunResumed: "running",
}


def project(connection: Any, event: Event, payload: types.Payload) -> None:
    """Brings the derived tables up to `event`."""
    match payload:
        case types.RunStarted(name=name, domain=domain):
            _insert_run(connection, event, name, domain.name, root=event.run, parent=None, parent_n=None)
        case types.RunForked(name=name, parent=parent, at=at):
            row = connection.execute("SELECT domain, root FROM runs WHERE run = ?", (parent,)).fetchone()
            if row is None:
                raise SiaError(f"the parent run {parent} is not in this log", "import it first")
            _insert_run(connection, event, name, row[0], root=row[1], parent=parent, parent_n=at)
        case types.RunRenamed(name=name):
            connection.execute(
                "UPDATE runs SET name = ? WHERE run = ?", (_free(connection, name, event.run), event.run)
            )
        case types.GenerationStarted(candidate=candidate):
            connection.execute(
                "INSERT OR REPLACE INTO generations VALUES (?, ?, ?, ?, ?, NULL, NULL, NULL)",
                (event.run, event.generation, candidate.lever, candidate.harness, candidate.weights),
            )
        case types.ExecutionFinished(scores=scores) if "val" in scores:
            connection.execute(
                "UPDATE generations SET val = ?, se = ? WHERE run = ? AND generation = ?",
                (scores["val"].score, scores["val"].se, event.run, event.generation),
            )
        case types.GateDecided(accepted=accepted):
            connection.execute(
                "UPDATE generations SET accepted = ? WHERE run = ? AND generation = ?",
                (int(accepted), event.run, event.generation),
            )
            if accepted:
                connection.execute(
                    """UPDATE runs SET best = (SELECT val FROM generations WHERE run = ? AND generation = ?)
                       WHERE run = ?""",
                    (event.run, event.generation, event.run),
                )
        case types.InstanceFinished():
            _insert_result(connection, event, payload)
        case types.ModelCalled(role=role, harness=harness, place=place, ordinal=ordinal, request=request):
            connection.execute(
                "INSERT INTO replies SELECT ?, root, ?, ?, ?, ?, ?, ?, ?, ? FROM runs WHERE run = ?",
                (event.seq, event.run, event.n, event.generation, role, harness, place, ordinal, request, event.run),
            )
        case types.ToolCalled(role="task" as role, harness=harness, place=place, ordinal=ordinal):
            connection.execute(  # no request of a model has this digest
                "INSERT INTO replies SELECT ?, root, ?, ?, ?, ?, ?, ?, ?, '' FROM runs WHERE run = ?",
                (event.seq, event.run, event.n, event.generation, role, harness, place, ordinal, event.run),
            )
        case _ if type(payload) in _STATUS:
            connection.execute("UPDATE runs SET status = ? WHERE run = ?", (_STATUS[type(payload)], event.run))
        case _:
            pass
    connection.execute(
        "UPDATE runs SET head_n = ?, head_hash = ?, generation = max(generation, ?) WHERE run = ?",
        (event.n, event.hash, event.generation, event.run),
    )


def _insert_run(
    connection: Any, event: Event, name: str, domain: str, *, root: str, parent: str | None, parent_n: int | None
) -> None:
    connection.execute(
        "INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'running', 0, NULL, ?, ?)",
        (
            event.run,
            _free(connection, name, event.run),
            domain,
            root,
            parent,
            parent_n,
            event.at,
            event.seq,
            event.n,
            event.hash,
        ),
    )


LONGEST_NAME = 200
"""Letters: a ref of git is a file, whose name has at most 255. Earlier releases gave forks of forks any name."""


NEWEST = "last"
"""Stands for the run that was created last. Earlier releases took it as a name."""


def _free(connection: Any, name: str, run: str) -> str:
    """`name`, or one that ends in the run's id where another run has the name, it is too long, or it is `NEWEST`."""
    names = [name] if len(name) <= LONGEST_NAME and name != NEWEST else []
    for free in (*names, f"{name[:48]}-{run[:8]}", f"{name[:24]}-{run[:32]}"):
        if not connection.execute("SELECT 1 FROM runs WHERE name = ? AND run != ?", (free, run)).fetchone():
            return free
    raise SiaError(f"the name {name!r} is taken here", "rename the run that has it with `sia rename`")


def forget(connection: Any, run: str) -> None:
    """Takes a run, whose events were deleted, out of the derived tables: they are then as `refill` makes them.

    Nothing of the other runs is read, unless one of them lacked a name that is free now.
    """
    for table in schema.READ_MODELS:
        connection.execute(f"DELETE FROM {table} WHERE run = ?", (run,))  # noqa: S608
    names = connection.execute("SELECT run, name FROM runs").fetchall()
    if any(name.endswith((f"-{run[:8]}", f"-{run[:32]}")) for run, name in names):
        _name_anew(connection, [run for run, _ in names])


def _name_anew(connection: Any, runs: Iterable[str]) -> None:
    """Gives the runs the names that their events give them."""
    wanted: list[tuple[int, str, str]] = []
    for run in runs:
        rows = connection.execute(
            f"SELECT seq, type, v, payload FROM events WHERE run = ? AND {schema.MILESTONE} "  # noqa: S608
            "AND type IN ('run.started', 'run.forked', 'run.renamed')",
            (run,),
        )
        for seq, kind, version, stored in rows:
            with contextlib.suppress(Unreadable):  # the run keeps the name that it had before
                named = decode(kind, version, stored)
                assert isinstance(named, types.RunStarted | types.RunForked | types.RunRenamed)  # noqa: S101 - by type
                wanted.append((seq, run, named.name))
    connection.execute("UPDATE runs SET name = char(0) || run")  # which is the name of none
    for _, run, name in sorted(wanted):
        connection.execute("UPDATE runs SET name = ? WHERE run = ?", (_free(connection, name, run), run))


def _insert_result(connection: Any, event: Event, result: types.InstanceFinished) -> None:
    connection.execute(
        """INSERT INTO results SELECT ?, root, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ? FROM runs WHERE run = ?""",
        (
            event.seq,
            event.run,
            event.n,
            event.generation,
            result.harness,
            result.weights or "",
            result.split,
            result.instance,
            result.repeat,
            result.seed,
            result.prepared,
            result.score,
            result.failure.kind if result.failure else None,
            event.run,
        ),
    )


def rebuild(db: Database) -> int:
    """Makes the derived tables those of the events; returns how many events were read.

    Tables that are right already are left alone: to write a long log's anew holds up every engine that appends to it.
    """
    count = _count_if_right(db)
    if count is None:
        with transaction(db, durable=True):
            count = refill(db)
    return count


def _count_if_right(db: Database) -> int | None:
    """The number of events, where the derived tables are those that the events give; None where they are not."""
    connection, scratch = db.conn, Database(connect_plainly(""))  # in a file of SQLite's own, which ends with it
    schema.create_read_models(scratch)
    connection.execute("BEGIN")  # tables and events as they are at one moment, without a lock
    scratch.execute("BEGIN")
    try:
        count = _fill(scratch.conn, connection)
        right = all(_is_right(table, connection, scratch.conn) for table in schema.READ_MODELS)
    except DatabaseError:  # of a table that is missing or damaged
        return None
    else:
        return count if right else None
    finally:
        connection.execute("ROLLBACK")
        scratch.close()


def _is_right(table: str, stored: Any, made: Any) -> bool:
    """Whether a table and its indexes are whole, and its rows those that were made."""
    if stored.execute(f"PRAGMA integrity_check({table})").fetchall() != [("ok",)]:
        return False
    rows = f"SELECT * FROM {table} NOT INDEXED ORDER BY 1, 2"  # noqa: S608
    defined = f"SELECT sql FROM sqlite_master WHERE tbl_name = '{table}' ORDER BY name"  # noqa: S608
    return all(
        one == other
        for select in (defined, rows)
        for one, other in zip_longest(stored.execute(select), made.execute(select))
    )


def refill(db: Database) -> int:
    """`rebuild` inside the caller's transaction."""
    connection = db.conn
    for table in schema.READ_MODELS:
        connection.execute(f"DROP TABLE IF EXISTS {table}")
    schema.create_read_models(db)
    return _fill(connection, connection)


def _fill(target: Any, source: Any) -> int:
    count = 0
    rows = source.execute(
        "SELECT seq, run, n, type, v, at, generation, payload, prev_hash, hash FROM events ORDER BY seq"
    )
    for row in rows:
        event = Event(*row)
        project(target, event, event.payload)
        count += 1
    return count
