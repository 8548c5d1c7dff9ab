"""Approval of a candidate by a person: yes, no, or an edited harness in its place.

A live engine receives it through its control socket; where none is live, the same rows are appended here.
"""

from __future__ import annotations

import ast
import contextlib
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec
from msgspec.structs import replace

from engine.core.state import State, fold
from engine.errors import SiaError
from engine.events import types as t
from engine.events.log import RunLog
from engine.loop.control_socket import Approval, send
from engine.run import git_refs
from engine.run.versions import harness_written
from engine.run.workspace import Workspace
from harness_repo.harness import Harness, HarnessInvalid, read_folder
from harness_repo.objects import Version
from harness_repo.repository import Repository


class Additions(msgspec.Struct, frozen=True):
    """What a candidate uses that its parent did not: packages, imported modules, tools, files."""

    packages: list[str]
    imports: list[str]
    tools: list[str]
    files: list[str]


def give(workspace: Workspace, reference: str, approval: Approval) -> str:
    """Gives an approval to a run and returns the run's name.

    Raises `SiaError` where no candidate awaits approval, or where the edit is not a harness.
    """
    with contextlib.closing(workspace.reader()) as reader:
        found = reader.find(reference)
        state = fold(reader.history(found.run))
    if state.awaiting is not None and not approval.commit:
        approval = replace(approval, commit=state.versions[state.awaiting].commit)
    _rows(state, approval)  # refused here, before an engine is asked
    if send(workspace.path, found.run, approval):
        return found.name
    with contextlib.closing(RunLog.hold(workspace.path, found.run)) as log:
        repository = workspace.repository()
        rows, contents = prepare(state, approval, repository)
        log.append(rows, contents=contents)
        git_refs.catch_up(repository, log.reader, found.run)
    return found.name


def prepare(
    state: State, approval: Approval, repository: Repository
) -> tuple[list[tuple[int, t.Payload]], list[bytes]]:
    """The rows to append and their blobs; the git objects of an edit are stored first."""
    rows, contents, version = _rows(state, approval)
    if version is not None:
        repository.write(version)
    return rows, contents


def _rows(state: State, approval: Approval) -> tuple[list[tuple[int, t.Payload]], list[bytes], Version | None]:
    number = state.awaiting
    if number is None:
        raise SiaError(
            f"{state.name} has no candidate awaiting approval", "start a run with --approve harness to be asked"
        )
    candidate = state.versions[number]
    if approval.commit not in ("", candidate.commit):
        raise SiaError(
            f"candidate {approval.commit[:10]} no longer awaits approval", "`sia approve` shows the one that does"
        )
    given = t.ApprovalGiven(number, candidate.commit, approval.answer, approval.by, approval.reason)
    executed = number == state.generation
    if approval.answer != "edit":
        return [(number if executed else number - 1, given)], [], None
    if executed:
        raise SiaError(f"candidate {number} was executed already", "accept it with --yes, or decline it with --no")
    try:
        harness = read_folder(Path(approval.folder))
    except (HarnessInvalid, OSError) as error:
        raise SiaError(f"{approval.folder} is not a harness: {error}", "correct it and approve again") from None
    reason = approval.reason or "Edited by a person before its execution."
    version = Version(harness.files, candidate.parents, number, candidate.lever, "person", reason)
    event, contents = harness_written(version, "edited by a person")
    return [(number - 1, given), (number - 1, event)], contents, version


def additions(parent: Harness, candidate: Harness) -> Additions:
    """What `candidate` uses beyond `parent`."""
    return Additions(
        packages=_new(parent.manifest.packages, candidate.manifest.packages),
        imports=_new(_imports(parent.files), _imports(candidate.files)),
        tools=_new(_tools(parent.files), _tools(candidate.files)),
        files=_new(parent.files, candidate.files),
    )


def _new(old: Iterable[str], new: Iterable[str]) -> list[str]:
    return sorted(set(new) - set(old))


def _trees(files: Mapping[str, bytes]) -> list[ast.AST]:
    return [node for path, text in files.items() if path.endswith(".py") for node in ast.walk(ast.parse(text))]


def _imports(files: Mapping[str, bytes]) -> set[str]:
    found: set[str] = set()
    for node in _trees(files):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
    return found


def _tools(files: Mapping[str, bytes]) -> set[str]:
    """The first arguments of `….tools.call("name")`."""
    return {
        str(node.args[0].value)
        for node in _trees(files)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "call"
        and node.args
        and isinstance(node.args[0], ast.Constant)
    }
