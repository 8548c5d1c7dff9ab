"""Branches and forks: a new run that shares its parent's history up to an event, by pointer.

Nothing is copied, so a fork costs the same however long its parent is, and the parent is not touched: the child's
first event, `run.forked`, chains to the parent's event `at`. Effects that the lineage already holds are reused.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec.structs import asdict

from engine import plain
from engine.clients.table import settled
from engine.core.decide import last_generation
from engine.core.settings import check_kind, check_name
from engine.core.state import State, fold
from engine.errors import SiaError
from engine.events import types as t
from engine.events.log import RunLog
from engine.events.losses import check_whole
from engine.events.reader import Reader, RunRow
from engine.loop.launch import free_name
from engine.run import git_refs
from engine.run.models import full_reference
from engine.run.options import agents_model, check_settings, read_script
from engine.run.versions import harness_written
from engine.run.workspace import Workspace
from harness_repo.harness import Harness
from harness_repo.objects import Version

FIXED = (
    "repeats",
    "noisy",
    "train_sample",
    "probe_fold",
    "script",
    "model",
    "seed_harness",
    "judge",
    "scale",
    "rotate",
)
"""Settings that define what is measured, and how: a change would make it another experiment."""


class ForkPlan(msgspec.Struct, frozen=True):
    """A run to be made from `parent` at event `at`; a `branch` has the candidate of that generation as incumbent.

    A person's `harness` or `adapter` is the next candidate.
    """

    parent: str
    at: int
    name: str = ""
    settings: t.Settings | None = None
    branch: int | None = None
    harness: Harness | None = None
    adapter: t.WeightsTrained | None = None


def fork(workspace: Workspace, plan: ForkPlan) -> str:
    """Creates the run and returns its id; raises `SiaError`, and changes nothing, where it cannot be created."""
    if plan.name:
        check_name(plan.name)
    with workspace.name_lock():
        with contextlib.closing(workspace.reader()) as reader:
            parent = reader.find(plan.parent)
            check_whole(reader, workspace.tips, parent.run)
            state = state_at(reader, parent, plan.at)
            at = reader.event(parent.run, plan.at)
            moves = [one for one in reader.of_type(t.RunRelinked.type) if one.run == parent.run and one.n > plan.at]
        name = free_name(workspace, plan.name, f"{parent.name}.")
        forked = t.RunForked(name, parent.run, plan.at, plan.settings, plan.branch)
        rows: list[tuple[int, t.Payload]] = [(at.generation, forked)]
        contents: list[bytes] = []
        if plan.harness is not None:
            version = _edited(state, plan.harness, plan.branch)
            workspace.repository().write(version)
            written, contents = harness_written(version, "edited by a person")
            rows.append((version.number - 1, written))
        if plan.adapter is not None:
            rows.append((plan.adapter.number - 1, plan.adapter))
        rows += [(at.generation, move.payload) for move in moves[-1:]]  # the task has moved since
        with contextlib.closing(RunLog.hold(workspace.path, secrets.token_hex(4))) as log:
            log.fork_from(at)
            log.append(rows, contents=contents)
            if plan.harness:
                git_refs.catch_up(workspace.repository(), log.reader, log.run)
            return log.run


def check_goes_on(state: State, plan: ForkPlan) -> None:
    """Raises `SiaError` where a run that leaves its parent in `state` would end at once, all its generations done."""
    settings = plan.settings or state.settings
    if state.generation < last_generation(settings) or state.of(state.generation).verdict is None:
        return
    more = "" if settings.lever == "best-of-n" else f"pass --generations {state.generation + 1} or more, or "
    raise SiaError(
        f"the new run would have nothing to do: all its generations are done at event {plan.at}",
        f"{more}leave the run at an earlier event",
    )


def state_at(reader: Reader, run: RunRow, at: int) -> State:
    """The state of `run` at event `at`; raises `SiaError` where there is no such event."""
    if not 1 <= at <= run.head_n:
        raise SiaError(f"{run.name} has the events 1 to {run.head_n}, not {at}", "`sia log` lists them")
    return fold(reader.history(run.run, until=at))


def gate_event(reader: Reader, run: RunRow, generation: int) -> int:
    """The number of the gate's verdict on `generation`: where a branch leaves its parent."""
    found = [
        event.n
        for event in reader.history(run.run)
        if event.type == t.GateDecided.type and event.generation == generation
    ]
    if not found:
        raise SiaError(f"{run.name} has no verdict on a generation {generation}", "`sia show` lists its generations")
    return found[-1]


def change_settings(settings: t.Settings, assignments: Sequence[str]) -> t.Settings | None:
    """`settings` after `key=value` assignments; None where nothing changes. Raises `SiaError` for an invalid one."""
    values = _plain(settings)
    for assignment in assignments:
        key, equals, text = assignment.partition("=")
        place: Any = values
        names = key.split(".")
        for name in names[:-1]:
            place = place.get(name) if isinstance(place, dict) else None
        if not equals or not isinstance(place, dict) or names[-1] not in place or names[0] in FIXED:
            known = ", ".join(sorted(_settable(settings)))
            raise SiaError(f"{assignment!r} is not a setting that you can change", f"choose from {known}")
        place[names[-1]] = _value(text)
        check_kind(key, place[names[-1]])
    script = read_script(str(values["agent"]))
    if script:
        values |= {"script": script, "agent": "script"}
    elif values["agent"] != "script":
        values["script"] = ""
    if values["agent"] != settings.agent and values["agent_model"] == settings.agent_model:
        values["agent_model"] = full_reference(agents_model(str(values["agent"]), ""))
    values["agent"] = settled(str(values["agent"]))
    if values["agent"] != settings.agent and values["client_model"] == settings.client_model:
        values["client_model"] = ""
    try:
        if values["seed"] != settings.seed:
            plain.check(values["seed"])
        new = msgspec.convert(values, t.Settings)
    except (plain.NotPlain, msgspec.ValidationError) as error:
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
    """A person's harness as the next candidate: its parent is the incumbent, as for an agent's."""
    incumbent = branch or state.incumbent
    number = (branch or state.generation) + 1
    lever: t.Lever | None = "harness" if number > 1 else None
    parents = [state.of(incumbent).candidate.harness] if incumbent else []
    version = Version(harness.files, parents, number, lever, "person", "Written by a person at a fork.")
    if incumbent and harness_written(version, "")[0].tree == state.versions[incumbent].tree:
        raise SiaError("the harness is the incumbent's, unchanged", "edit it first, or leave --harness out")
    return version
