"""`verify`: checks that a log is whole, that its adapters are intact, and that git reaches every commit."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from engine import containment
from engine.events.maintenance import integrity
from engine.events.reader import Reader
from engine.run import adapters
from engine.run.workspace import Workspace
from harness_repo.repository import GitMissing, RepositoryError


class AuditResult(msgspec.Struct, frozen=True):
    """The result of checking a whole log; `problems` are sentences that name the event.

    `accepted` are the losses without which a person has decided to go on; `unchecked` says what could not be checked.
    """

    ok: bool
    events: int
    problems: list[str]
    accepted: list[str] = []
    unchecked: list[str] = []


def verify(reader: Reader, workspace: Workspace | None = None) -> AuditResult:
    """Checks everything; `workspace` adds the tips and the repository, which an exported file does not have."""
    log = integrity.check(reader)
    problems, unchecked = list(log.problems), list[str]()
    if workspace is not None:
        problems += integrity.check_tips(reader, workspace.tips)
        problems += _commits(workspace, log.commits, unchecked)
        problems += _adapters(reader, workspace)
    return AuditResult(not problems, log.events, problems, integrity.accepted_losses(reader), unchecked)


def _adapters(reader: Reader, workspace: Workspace) -> Iterator[str]:
    """Adapters whose files were changed. A missing one is no problem: it can be trained again."""
    for one in adapters.trainings(reader):
        folder = containment.inside(workspace.path, "adapters", one.payload.adapter)
        if folder.is_dir() and not adapters.is_intact(folder):
            yield f"the adapter {one.payload.adapter[:12]}, which {integrity.describe(one.event)} names, is damaged"


def _commits(workspace: Workspace, commits: dict[str, str], unchecked: list[str]) -> Iterator[str]:
    if not commits:
        return
    repository = workspace.repository()
    damaged = list(repository.damaged())
    for file in damaged:
        yield f"{file} of harness_repo is damaged; `sia rebuild` writes it again"
    try:
        reachable = repository.reachable()
    except GitMissing as error:
        reachable = {commit for commit in commits if repository.has(commit)}
        unchecked.append(f"the refs of harness_repo were not checked ({error})")
    except RepositoryError as error:
        if not damaged:
            yield f"harness_repo cannot be read ({' '.join(str(error).split())[:200]}); try `sia rebuild`"
        return
    for commit, place in commits.items():
        if commit not in reachable:
            yield f"{place} names the commit {commit[:12]}, which no ref of harness_repo reaches"
