"""Branches and forks: a new run that shares its parent's history up to an event, by pointer.

Nothing is copied, so the cost does not depend on how long the parent is, and the parent is not touched: the child's
first event, `run.forked`, chains to the parent's event `at`. What the child then does again is taken from the
lineage wherever the lineage already holds it.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec.structs import asdict

from engine.core.settings import check_name
from engine.core.state import State, fold
from engine.errors import SiaError
from engine.events import types as t
from engine.events.log import RunLog
from engine.events.reader import Reader, RunRow
from engine.loop.launch import free_name
from engine.run.models import pinned
from engine.run.options import agents_model, check_settings, read_script
from engine.run.versions import harness_written
from engine.run.workspace import Workspace
from harness_repo.harness import Harness
from harness_repo.objects import Version

FIXED = ("repeats", "noisy", "train_sample", "probe_fold", "script", "model", "seed_harness", "judge")
"""Settings that say what is measured, and how; with another one it would be another experiment."""


class Child(msgspec.Struct, frozen=True):
    """A run to be made: `branch` names a generation, else the fork is at event `at`."""

    parent: str
    at: int
    name: str = ""
    settings: t.Settings | None = None
    branch: int | None = None
    harness: Harness | None = None


def fork(workspace: Workspace, child: Child) -> str:
    """Makes the run and returns its id; raises `SiaError` and changes nothing where that cannot be."""
    if child.name:
        check_name(child.name)
    with workspace.naming():
        with contextlib.closing(workspace.reader()) as reader:
            parent = reader.find(child.parent)
            state = state_at(reader, parent, child.at)
            at = reader.event(parent.run, child.at)
        name = free_name(workspace, child.name, f"{parent.name}.")
        forked = t.RunForked(name, parent.run, child.at, child.settings, child.branch)
        rows: list[tuple[int, t.Payload]] = [(at.generation, forked)]
        contents: list[bytes] = []
        if child.harness is not None:
            version = _edited(state, child.harness, child.branch)
            workspace.repository().write(version)
            written, contents = harness_written(version, "edited by a person")
            rows.append((version.number - 1, written))
        with contextlib.closing(RunLog.hold(workspace.path, secrets.token_hex(4))) as log:
            log.fork_from(at)
            log.append(rows, contents=contents)
            return log.run


def state_at(reader: Reader, run: RunRow, at: int) -> State:
    """The state of `run` at event `at`; raises `SiaError` where there is no such event."""
    if not 1 <= at <= run.head_n:
        raise SiaError(f"{run.name} has the events 1 to {run.head_n}, not {at}", "`sia log` lists them")
    return fold(reader.history(run.run, until=at))


def judged_at(reader: Reader, run: RunRow, generation: int) -> int:
    """The event at which the gate judged `generation`: where a branch leaves its parent."""
    found = [
        event.n
        for event in reader.history(run.run)
        if event.type == t.GateDecided.type and event.generation == generation
    ]
    if not found:
        raise SiaError(f"{run.name} has not judged a generation {generation}", "`sia show` lists its generations")
    return found[-1]


def changed(settings: t.Settings, assignments: Sequence[str]) -> t.Settings | None:
    """`settings` under `key=value` assignments; None where nothing changes. Raises `SiaError` for a bad one."""
    values = _plain(settings)
    for assignment in assignments:
        key, equals, text = assignment.partition("=")
        place: Any = values
        names = key.split(".")
        for name in names[:-1]:
            place = place.get(name) if isinstance(place, dict) else None
        if not equals or not isinstance(place, dict) or names[-1] not in place or names[0] in FIXED:
            known = ", ".join(sorted(_settable(settings)))
            raise SiaError(f"{assignment!r} sets nothing that may be changed", f"choose from {known}")
        place[names[-1]] = _value(text)
    script = read_script(str(values["agent"]))
    if script:
        values |= {"script": script, "agent": "script"}
    elif values["agent"] != "script":
        values["script"] = ""
    if values["agent"] != settings.agent and values["agent_model"] == settings.agent_model:
        values["agent_model"] = pinned(agents_model(str(values["agent"]), ""))
    try:
        new = msgspec.convert(values, t.Settings)
    except msgspec.ValidationError as error:
        raise SiaError(f"that setting is not valid: {error}", "`sia config show` has those in force") from None
    check_settings(new)
    return None if new == settings else new


def _plain(settings: msgspec.Struct) -> dict[str, Any]:
    """All values, the defaults too, by name."""
    return {
        name: _plain(value) if isinstance(value, msgspec.Struct) else value for name, value in asdict(settings).items()
    }


def _settable(settings: t.Settings) -> list[str]:
    names: list[str] = []
    for name, value in asdict(settings).items():
        if isinstance(value, msgspec.Struct):
            names += [f"{name}.{inner}" for inner in value.__struct_fields__]
        elif name not in FIXED:
            names.append(name)
    return names


def _value(text: str) -> object:
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text


def _edited(state: State, harness: Harness, branch: int | None) -> Version:
    """A person's harness as the next candidate: it follows the incumbent, as an agent's would."""
    incumbent = branch or state.incumbent
    number = (branch or (state.current.n if state.current else 0)) + 1
    lever: t.Lever | None = "harness" if number > 1 else None
    parents = [state.of(incumbent).candidate.harness] if incumbent else []
    version = Version(harness.files, parents, number, lever, "person", "Written by a person at a fork.")
    if incumbent and harness_written(version, "")[0].tree == state.versions[incumbent].tree:
        raise SiaError("the harness is the incumbent's, unchanged", "edit it first, or leave --harness out")
    return version
