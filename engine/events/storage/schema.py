"""The tables of events.db and their migrations.

`events` is append-only: three triggers refuse updates, deletions and any insertion that does not extend a chain
(which is also what `INSERT OR REPLACE` runs into). The tables below the line are derived and can be dropped.
"""

from __future__ import annotations

import functools
import re
from pathlib import Path
from typing import Any

from engine.errors import SiaError
from engine.events.storage.database import Database, sqlite3

APPLICATION_ID = 0x53494131  # "SIA1"
SCHEMA_VERSION = 4  # the number of migrations below, kept in PRAGMA user_version

READ_MODELS = ("results", "replies", "generations", "runs")

MILESTONE = "type <> 'instance.finished'"
"""All events but the numerous ones. A query with exactly this condition is answered from an index."""
REUSED = "type = 'instance.finished' AND instr(payload, CAST('\"reused\":true' AS BLOB)) > 0"
"""The results that were reused; likewise."""


def m001_events(db: Database) -> None:
    """The log itself."""
    for statement in (
        """CREATE TABLE events (
            seq INTEGER PRIMARY KEY, run TEXT NOT NULL, n INTEGER NOT NULL, type TEXT NOT NULL, v INTEGER NOT NULL,
            at INTEGER NOT NULL, generation INTEGER NOT NULL, payload BLOB NOT NULL, prev_hash TEXT NOT NULL,
            hash TEXT NOT NULL, UNIQUE (run, n)) STRICT""",
        "CREATE TABLE blobs (sha256 TEXT PRIMARY KEY, codec TEXT NOT NULL, data BLOB NOT NULL) STRICT",
        "CREATE TABLE engines (run TEXT PRIMARY KEY, epoch INTEGER NOT NULL) STRICT",
        """CREATE TRIGGER events_no_update BEFORE UPDATE ON events
            BEGIN SELECT RAISE(ABORT, 'events are append-only'); END""",
        """CREATE TRIGGER events_no_delete BEFORE DELETE ON events
            BEGIN SELECT RAISE(ABORT, 'events are append-only'); END""",
        """CREATE TRIGGER events_extend_a_chain BEFORE INSERT ON events
            WHEN EXISTS (SELECT 1 FROM events WHERE seq = NEW.seq)
              OR EXISTS (SELECT 1 FROM events WHERE run = NEW.run AND n >= NEW.n)
              OR NOT (
                EXISTS (SELECT 1 FROM events WHERE run = NEW.run AND n = NEW.n - 1 AND hash = NEW.prev_hash)
                OR (NOT EXISTS (SELECT 1 FROM events WHERE run = NEW.run)
                    AND ((NEW.n = 1 AND NEW.prev_hash NOT GLOB '*[^0]*') OR NEW.type = 'run.forked')))
            BEGIN SELECT RAISE(ABORT, 'the event does not extend a chain'); END""",
    ):
        db.execute(statement)


def m002_read_models(db: Database) -> None:
    """Derived tables; `rebuild` drops and refills them."""
    create_read_models(db)


def m004_replies(db: Database) -> None:
    """Replies of language models, by lineage."""
    _create_replies(db)


def _create_replies(db: Database) -> None:
    for statement in (
        """CREATE TABLE IF NOT EXISTS replies (
            seq INTEGER PRIMARY KEY, root TEXT NOT NULL, run TEXT NOT NULL, n INTEGER NOT NULL,
            generation INTEGER NOT NULL, role TEXT NOT NULL, harness TEXT NOT NULL, place TEXT NOT NULL,
            ordinal INTEGER NOT NULL, request TEXT NOT NULL) STRICT""",
        "CREATE INDEX IF NOT EXISTS replies_by_request ON replies (root, request, place, ordinal)",
        "CREATE INDEX IF NOT EXISTS replies_by_place ON replies (run, place, generation)",
    ):
        db.execute(statement)


def create_read_models(db: Database) -> None:
    """Creates the derived tables, empty."""
    for statement in (
        """CREATE TABLE runs (
            run TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, domain TEXT NOT NULL, root TEXT NOT NULL, parent TEXT,
            parent_n INTEGER, created_at INTEGER NOT NULL, created_seq INTEGER NOT NULL, status TEXT NOT NULL,
            generation INTEGER NOT NULL, best REAL, head_n INTEGER NOT NULL, head_hash TEXT NOT NULL) STRICT""",
        """CREATE TABLE generations (
            run TEXT NOT NULL, generation INTEGER NOT NULL, lever TEXT, harness TEXT NOT NULL, weights TEXT,
            val REAL, se REAL, accepted INTEGER, PRIMARY KEY (run, generation)) STRICT""",
        """CREATE TABLE results (
            seq INTEGER PRIMARY KEY, root TEXT NOT NULL, run TEXT NOT NULL, n INTEGER NOT NULL,
            generation INTEGER NOT NULL, harness TEXT NOT NULL, weights TEXT NOT NULL, split TEXT NOT NULL,
            instance TEXT NOT NULL, repeat INTEGER NOT NULL, seed INTEGER NOT NULL, prepared TEXT NOT NULL,
            score REAL NOT NULL, failure TEXT) STRICT""",
        "CREATE INDEX results_by_effect ON results (root, harness, weights, prepared, split, instance, repeat)",
        "CREATE INDEX results_by_instance ON results (run, instance, generation)",
    ):
        db.execute(statement)
    _create_replies(db)


def m003_milestones(db: Database) -> None:
    """Indexes that show a long run without reading all of it."""
    db.execute(f"CREATE INDEX milestones ON events (run, n) WHERE {MILESTONE}")
    db.execute(f"CREATE INDEX reused_results ON events (run, n) WHERE {REUSED}")


_STEPS: tuple[Any, ...] = (m001_events, m002_read_models, m003_milestones, m004_replies)


def migrations() -> Any:
    """The migrations from an empty file to the current tables, as sqlite-utils keeps them."""
    from sqlite_utils import Migrations

    known = Migrations("sia")
    for step in _STEPS:
        known()(step)
    return known


def prepare(db: Database) -> None:
    """Creates or migrates the tables of a file that has passed `check`."""
    (application,) = db.execute("PRAGMA application_id").fetchone()
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if application == APPLICATION_ID and version == SCHEMA_VERSION:
        return
    db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    from sqlite_utils import Database as Migrated

    migrations().apply(Migrated(db.conn, execute_plugins=False))
    db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def check(db: Database, path: Path) -> None:
    """Raises `SiaError` for a file of another program or of a newer release, or a forged one; changes nothing."""
    (application,) = db.execute("PRAGMA application_id").fetchone()
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if application != APPLICATION_ID and (application or version or db.table_names()):
        raise SiaError(f"{path} is not a log of sia", "pass another file, or another --workspace")
    if version > SCHEMA_VERSION:
        raise SiaError(f"{path} was written by a newer release of sia", "upgrade sia, or use another --workspace")
    _check_statements(db, path)


def _check_statements(db: Database, path: Path) -> None:
    """Raises `SiaError` unless all that the file defines is ours, or a plain table or index that cannot take our place.

    A view or a trigger of a stranger's would run with our queries. A row of sqlite_master can lie about everything but
    its statement, which is what SQLite has executed.
    """
    ours, tables = _ours()
    for name, sql in db.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL"):
        words = " ".join(str(sql).split())
        if words in ours:
            continue
        found = _PLAIN.fullmatch(words)
        if found is None or (found[1] == "TABLE" and found[2].lower() in tables):
            raise SiaError(
                f"{path} defines {str(name)[:80]!r}, which is not of sia", "do not trust this file; use another copy"
            )


_PLAIN = re.compile(
    r"""CREATE (TABLE|(?:UNIQUE )?INDEX) ["'`[]?(\w+)["'`\]]? ?(?:ON ["'`\w[\]]+ ?)?\([\w\s,"'`[\]]*\)"""
)
"""A table or an index without expressions, which need parentheses: no check, no generated column, no `AS SELECT`."""


@functools.cache
def _ours() -> tuple[frozenset[str], frozenset[str]]:
    """What defines the current tables, indexes and triggers, in single spaces; and the names of the tables."""
    db = Database(sqlite3.connect(":memory:"))
    for step in _STEPS:
        step(db)
    found = db.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
    tables = frozenset(db.table_names())
    db.close()
    return frozenset(" ".join(sql.split()) for (sql,) in found), tables


def check_log(db: Database, path: Path) -> None:
    """Raises `SiaError` where this is not a log, or one of a newer release."""
    check(db, path)
    if "events" not in db.table_names():
        raise SiaError(f"{path} is not a log of sia", "pass another file")
