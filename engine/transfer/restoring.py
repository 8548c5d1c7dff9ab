"""`rebuild`: the derived tables and the git repository made again from the log, with the ids that they had."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterable

import msgspec

from engine.core.state import fold
from engine.errors import SiaError
from engine.events import types as t
from engine.events.connection import explained, open_writer
from engine.events.event import Event
from engine.events.log import is_held
from engine.events.reader import Reader
from engine.events.readmodels import rebuild as refill
from engine.run import git_refs
from engine.run.versions import version_of
from engine.run.workspace import Workspace
from harness_repo.repository import Repository


class Rebuilt(msgspec.Struct, frozen=True):
    """How many events were read, and how many versions and refs the repository now surely has."""

    events: int
    commits: int
    refs: int


def rebuild(workspace: Workspace) -> Rebuilt:
    """Refills the derived tables; stores every version in the repository and points its refs.

    Refs of runs that an engine is working on are left to that engine; refs that are not ours are left alone.
    """
    workspace.reader().close()  # a workspace without a log is not given an empty one
    with contextlib.closing(open_writer(workspace.log)) as db, explained(workspace.log):
        count = refill(db)
    repository = workspace.repository()
    with contextlib.closing(workspace.reader()) as reader:
        rows = reader.runs()
        commits = write_versions(repository, reader, (event for run in rows for event in reader.own(run.run)))
        free = [run.run for run in rows if not is_held(workspace.path, run.run)]
    return Rebuilt(count, len(commits), point(workspace, free))


def write_versions(repository: Repository, reader: Reader, events: Iterable[Event]) -> set[str]:
    """Stores the commits of all `harness.written` among `events`; raises `SiaError` where one has another id."""
    commits: set[str] = set()
    for event in events:
        if event.type != t.HarnessWritten.type:
            continue
        payload = event.payload
        assert isinstance(payload, t.HarnessWritten)  # noqa: S101 - by its type
        files = {path: reader.blob(name) for path, name in payload.files.items()}
        if repository.write(version_of(payload, files)).commit != payload.commit:
            raise SiaError(
                f"event {event.n} of run {event.run} names a commit that its files do not make", "run `sia verify`"
            )
        commits.add(payload.commit)
    return commits


def point(workspace: Workspace, runs: Collection[str]) -> int:
    """Points the refs of `runs`, and the notes; a clone checks out the run that was made last. Returns how many."""
    count = 0
    repository = workspace.repository()
    with contextlib.closing(workspace.reader()) as reader:
        head = ""
        for run in reader.runs():
            if run.run in runs:
                wanted = git_refs.refs_of(run.name, fold(reader.history(run.run)))
                if not all(map(repository.has, wanted.values())):  # the repository was lost
                    write_versions(repository, reader, reader.history(run.run))
                for ref, commit in wanted.items():
                    repository.point(ref, commit)
                count += len(wanted)
            if repository.resolve(git_refs.branch(run.name)):
                head = git_refs.branch(run.name)
        if head:
            repository.head(head)
        git_refs.point_notes(repository, reader)
    return count


def unpoint(workspace: Workspace, name: str) -> None:
    """Removes the branch and the tags of the run that was called `name`, and brings the rest up to the log."""
    repository = workspace.repository()
    for ref in repository.refs():
        if ref == git_refs.branch(name) or ref.startswith(f"refs/tags/{name}/"):
            repository.drop(ref)
    point(workspace, ())
