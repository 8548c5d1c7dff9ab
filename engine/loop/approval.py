"""A person's word on a candidate: yes, no, or an edited harness in its place.

A live engine takes it from its socket; where none is live, the same rows are appended here.
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
from engine.loop.control_socket import Request, send
from engine.run.versions import harness_written
from engine.run.workspace import Workspace
from harness_repo.harness import Harness, HarnessInvalid, read_folder
from harness_repo.objects import Version
from harness_repo.repository import Repository


class NewlyAsked(msgspec.Struct, frozen=True):
    """What a candidate wants that its parent did not: packages, imported modules, tools, files."""

    packages: list[str]
    imports: list[str]
    tools: list[str]
    files: list[str]


def give(workspace: Workspace, reference: str, request: Request) -> str:
    """Gives the word and returns the run's name; raises `SiaError` where none is asked for or the edit is not valid."""
    with contextlib.closing(workspace.reader()) as reader:
        found = reader.find(reference)
        state = fold(reader.history(found.run))
    if state.asked is not None and not request.commit:
        request = replace(request, commit=state.versions[state.asked].commit)
    rows(state, request)  # refused here, before an engine is bothered
    if send(workspace.path, found.run, request):
        return found.name
    with contextlib.closing(RunLog.hold(workspace.path, found.run)) as log:
        given, contents = written(state, request, workspace.repository())
        log.append(given, contents=contents)
    return found.name


def written(state: State, request: Request, repository: Repository) -> tuple[list[tuple[int, t.Payload]], list[bytes]]:
    """The rows to append and their blobs; an edit's git objects are stored first."""
    given, contents, version = rows(state, request)
    if version is not None:
        repository.write(version)
    return given, contents


def rows(state: State, request: Request) -> tuple[list[tuple[int, t.Payload]], list[bytes], Version | None]:
    """What the word means for the log."""
    number = state.asked
    if number is None:
        raise SiaError(f"{state.name} waits for no word", "start a run with --approve harness to be asked")
    asked = state.versions[number]
    if request.commit not in ("", asked.commit):
        raise SiaError(f"candidate {request.commit[:10]} no longer waits", "`sia approve` shows the one that does")
    answer = msgspec.convert(request.wish, t.Answer)
    word = t.ApprovalGiven(number, asked.commit, answer, request.by, request.reason)
    if answer != "edit":
        return [(number - 1, word)], [], None
    try:
        harness = read_folder(Path(request.folder))
    except (HarnessInvalid, OSError) as error:
        raise SiaError(f"{request.folder} is not a harness: {error}", "correct it and approve again") from None
    reason = request.reason or "Edited by a person before its execution."
    version = Version(harness.files, asked.parents, number, asked.lever, "person", reason)
    event, contents = harness_written(version, "edited by a person")
    return [(number - 1, word), (number - 1, event)], contents, version


def newly_asked(parent: Harness, candidate: Harness) -> NewlyAsked:
    """What `candidate` asks for beyond `parent`."""
    return NewlyAsked(
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
