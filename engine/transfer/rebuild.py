"""`rebuild`: recreates the derived tables and the git repository from the log, with the same commit ids."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterable
from itertools import chain

import msgspec

from engine.core.state import fold
from engine.errors import SiaError
from engine.events import types as t
from engine.events.event import Event
from engine.events.log import is_held
from engine.events.reader import Reader
from engine.events.readmodels import rebuild as refill
from engine.events.storage.connection import explained, open_writer
from engine.run import git_refs
from engine.run.score_notes import ScoreNotes
from engine.run.versions import version_of
from engine.run.workspace import Workspace
from harness_repo.repository import Repository


class RebuildResult(msgspec.Struct, frozen=True):
    """The numbers of events read, and of versions and refs in the repository."""

    events: int
    commits: int
    refs: int


def rebuild(workspace: Workspace) -> RebuildResult:
    """Puts the derived tables right; stores every version in the repository, damaged ones anew, and points its refs.

    Refs of runs that an engine is working on are left to that engine; refs that are not ours are left alone.
    """
    workspace.reader().close()  # raises if the workspace has no log, rather than creating one
    with contextlib.closing(open_writer(workspace.log)) as db, explained(workspace.log):
        count = refill(db)
    repository = workspace.repository()
    repository.remove_damaged()
    with contextlib.closing(workspace.reader()) as reader:
        rows = reader.runs()
        written = (reader.of_type_in(run.run, t.HarnessWritten.type, after=0, until=run.head_n) for run in rows)
        commits = write_versions(repository, reader, chain.from_iterable(written))
        free = [run.run for run in rows if not is_held(workspace.path, run.run)]
    return RebuildResult(count, len(commits), point_refs(workspace, free))


def write_versions(repository: Repository, reader: Reader, events: Iterable[Event]) -> set[str]:
    """Stores the commits of all `harness.written` among `events`; raises `SiaError` if one gets another id."""
    commits: set[str] = set()
    for event in events:
        if event.type != t.HarnessWritten.type or not isinstance(payload := event.payload, t.HarnessWritten):
            continue
        files = {path: reader.blob(name) for path, name in payload.files.items()}
        if repository.write(version_of(payload, files)).commit != payload.commit:
            raise SiaError(
                f"event {event.n} of run {event.run} names a commit that its files do not produce", "run `sia verify`"
            )
        commits.add(payload.commit)
    return commits


def point_refs(workspace: Workspace, runs: Collection[str], *, gone: Collection[str] = ()) -> int:
    """Points the refs of `runs`, removes those of the former names `gone`, and updates the notes.

    A clone checks out the newest run. Returns the number of refs of the runs.
    """
    repository = workspace.repository()
    refs: dict[str, str | None] = {
        ref: None for ref in git_refs.existing(repository) if any(_is_of(ref, name) for name in gone)
    }
    count = 0
    with contextlib.closing(workspace.reader()) as reader:
        rows = reader.runs()
        for run in (row for row in rows if row.run in runs):
            own = git_refs.refs_of(run.name, fold(reader.history(run.run)))
            if not all(map(repository.has, own.values())):  # the repository was lost
                write_versions(repository, reader, reader.history(run.run))
            refs |= own
            count += len(own)
        now = git_refs.update(repository, ScoreNotes(reader), refs)
    branches = [branch for row in rows if (branch := git_refs.branch(row.name)) in now]
    if branches:
        git_refs.check_out(repository, branches[-1])
    return count


def _is_of(ref: str, name: str) -> bool:
    return ref == git_refs.branch(name) or ref.startswith(f"refs/tags/{name}/")
