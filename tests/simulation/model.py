"""What must hold of any history, in plain terms, and beside the engine's own fold: from events, and from what the
simulated server, disk and git have seen."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator
from typing import Any

from engine.core.replay import verify as replay
from engine.events import losses
from engine.events import types as t
from engine.events.event import Event
from engine.events.maintenance import integrity
from engine.events.reader import Reader
from engine.run.git_refs import NOTES
from tests.simulation.machine import Machine
from tests.simulation.world import SIZES, TOKEN_USD
from tests.story import story


class Violation(AssertionError):
    """A promise that a history has broken."""


def check_kept(machine: Machine, *, power: bool) -> None:
    """Nothing acknowledged is lost: after a power cut nothing that was durable."""
    if not machine.workspace.log.exists():
        if machine.durable:
            raise Violation("the log is gone")
        return
    with contextlib.closing(machine.workspace.reader()) as reader:
        found: dict[str, list[str]] = {}
        for run, name in reader.rows("SELECT run, hash FROM events ORDER BY run, n"):
            found.setdefault(run, []).append(name)
        for run, kept in machine.acknowledged.items():
            have, floor = found.get(run, []), machine.durable.get(run, 0) if power else len(kept)
            both = min(len(have), len(kept))
            if len(have) < floor:
                raise Violation(f"{floor} events of {run} were acknowledged, and {len(have)} are there")
            if have[:both] != kept[:both]:
                raise Violation(f"an event of {run} is not the one that was acknowledged")
            if losses.loss_of(reader, machine.workspace.tips, run):
                raise Violation(f"the tip of {run} is ahead of its log")
        _check_shown(machine, reader)
        calls = [event.payload for event in reader.of_type(t.ModelCalled.type)]
        machine.server.recorded = {call.request for call in calls if isinstance(call, t.ModelCalled)}
    machine.acknowledged = found
    if power:  # what is there then is on the disk; a kill syncs nothing
        machine.durable = {run: len(kept) for run, kept in found.items()}


def _check_shown(machine: Machine, reader: Reader) -> None:
    """Git shows no candidate that is not in the log; a tag of one that was declined may stay."""
    known = {version.commit for version in _versions(reader)}
    shown = {commit for ref, commit in machine.repository.shown.items() if ref != NOTES}
    if wrong := shown - known:
        raise Violation(f"git shows what is in no log: {wrong}")


def check_end(machine: Machine) -> None:
    """What holds of a workspace in which everything has come to its end."""
    with contextlib.closing(machine.workspace.reader()) as reader:
        if problems := [*integrity.check(reader).problems, *integrity.check_tips(reader, machine.workspace.tips)]:
            raise Violation(f"the log is not whole: {problems}")
        refs: dict[str, str] = {}
        for row in reader.runs():
            if not (replayed := replay(reader, row.run)).identical:
                raise Violation(f"{row.name} does not replay: {replayed.diverged_at}")
            history = list(reader.history(row.run))
            refs |= _refs(history)
            _check_caps(history)
        _check_scores(machine, reader)
        _check_account(reader)
        _check_pairs(reader)
        _check_bills(machine, reader)
        pointed = machine.repository.shown
        if wrong := refs.items() - pointed.items():
            raise Violation(f"git does not show the log: it lacks {wrong}")


def told(machine: Machine, run: str) -> list[Any]:
    """The story of a run: its decisions, commits and scores."""
    return story(machine.workspace.path, run)


def _versions(reader: Reader) -> Iterator[t.HarnessWritten]:
    for event in reader.of_type(t.HarnessWritten.type):
        if isinstance(version := event.payload, t.HarnessWritten):
            yield version


def _refs(history: list[Event]) -> dict[str, str]:
    name, versions, declined, incumbent = "", dict[int, str](), list[str](), 0
    for event in history:
        match event.payload:
            case t.RunStarted(name=new) | t.RunRenamed(name=new):
                name = new
            case t.RunForked(name=new, branch=branch):
                name = new
                if branch:
                    versions, incumbent = {n: one for n, one in versions.items() if n <= branch}, branch
            case t.HarnessWritten(number=number, commit=commit):
                declined += [versions[number]] if number in versions else []
                versions[number] = commit
            case t.ApprovalGiven(answer="no", number=number) if number > event.generation:
                declined.append(versions.pop(number))
            case t.GateDecided(accepted=True):
                incumbent = event.generation
            case _:
                pass
    if not versions:
        return {}
    tags = {f"refs/tags/{name}/g{number}": commit for number, commit in versions.items()}
    tags |= {f"refs/tags/{name}/declined-{i}": commit for i, commit in enumerate(declined, 1)}
    return tags | {f"refs/heads/{name}": versions[incumbent or 1]}


def _check_caps(history: list[Event]) -> None:
    spent, cap, name = Counter[str](), t.Budget(), ""
    for event in history:
        match event.payload:
            case t.RunStarted(settings=settings, name=name):
                cap = settings.budget
            case t.ModelCalled(reused=False, usage=usage) | t.ModelWasted(usage=usage):
                spent["tokens"] += usage.total
            case t.InstanceFinished(reused=False):
                spent["evaluations"] += 1
            case t.ProbeFinished(reused=False, evaluations=count):
                spent["evaluations"] += count
            case _:
                pass
    usd = spent["tokens"] * TOKEN_USD
    for what, used, most in (
        ("tokens", spent["tokens"], cap.tokens),
        ("evaluations", spent["evaluations"], cap.evaluations),
        ("dollars", round(usd, 9), cap.usd),
    ):
        if most is not None and used > most:
            raise Violation(f"{name} spent {used} of {most} {what}")


def _check_scores(machine: Machine, reader: Reader) -> None:
    skills: dict[str, int] = {}
    for version in _versions(reader):
        skills[version.commit] = int(reader.blob(version.files["params.toml"]).decode().split("=")[1])
    for event in reader.of_type(t.InstanceFinished.type):
        one = event.payload
        assert isinstance(one, t.InstanceFinished)
        if one.failure is not None and one.failure.kind != "candidate":
            raise Violation(f"{one.instance} is blamed for what the machine did: {one.failure}")
        due = machine.world.score(one.split, one.instance, one.repeat, skills[one.harness])
        if one.score != due:
            raise Violation(f"{one.instance} has {one.score} where {due} is due (event {event.n} of {event.run})")


def _check_account(reader: Reader) -> None:
    spent: dict[str, float] = {}
    for event in reader.of_type(t.GateDecided.type):
        if isinstance(one := event.payload, t.GateDecided) and one.spent is not None:
            spent[one.comparison] = max(one.spent, spent.get(one.comparison, 0.0))
    started = next(iter(reader.of_type(t.RunStarted.type))).payload
    most = started.settings.gate.run_alpha if isinstance(started, t.RunStarted) else 0.0
    if sum(spent.values()) > most + 1e-9:
        raise Violation(f"the lineage spent {sum(spent.values())} of its error of {most}")


def _check_pairs(reader: Reader) -> None:
    """Both arms of each verdict have answered all of one val, or of val and reserve."""
    for event in reader.of_type(t.GateDecided.type):
        one = event.payload
        assert isinstance(one, t.GateDecided)
        if one.against is not None and one.n != SIZES["val"] + SIZES["reserve"] * (len(one.looks) == 2):
            raise Violation(f"the verdict on generation {event.generation} of {event.run} is over {one.n} units")


def _check_bills(machine: Machine, reader: Reader) -> None:
    """What the server billed is what the log says, request by request, but for what was in flight at an interruption.

    So a request is paid for again where its reply was lost with an engine, or could not be used, and nowhere else.
    """
    billed = machine.server.billed
    recorded: Counter[str] = Counter()
    for kind in (t.ModelCalled, t.ModelWasted):
        for event in reader.of_type(kind.type):
            match event.payload:
                case t.ModelCalled(reused=False, request=name) | t.ModelWasted(request=name):
                    recorded[name] += 1
                case _:
                    pass
    if invented := recorded - billed:
        raise Violation(f"the log has {invented.total()} replies that nobody sent")
    if lost := billed - recorded - machine.server.interrupted:
        raise Violation(f"{lost.total()} paid replies are in no log, and were not in flight at an interruption")
