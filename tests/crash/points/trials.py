"""One trial: a command meets a kill or a fault at one call, and is recovered from. Which trials make a sample."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.crash.points.deaths import Death
from tests.crash.points.machine import Outcome
from tests.crash.points.scenes import Command, Stage

FAULTS = ("full", "error", "short")
FAULTY = ("w", "out")
"""Where faults are made. The state of the user has a second place outside of the machine, where it goes if the first
has a fault."""
GROWING = ("write", "pwrite", "writev", "sendfile", "link", "mkdir", "create")
"""The calls that fail on a full disk, as in shim.c."""
_OF_SQLITE = ("events.db", "-wal", "-shm", "-journal")
BUG = ("this is a bug in sia", "Traceback (most recent call last)")
_RANDOM = re.compile(r"[0-9a-f]{7,40}|\.new-[^/]*|obj\w{8,}|[0-9]+")


class Trial(NamedTuple):
    """`mode` at the call number `point` of a scene's command; `again`: its recovery is killed at that call, too."""

    scene: str
    mode: str
    point: int
    again: int = 0


def problem(stage: Stage, trial: Trial) -> str:
    """What does not hold after a trial, in some sentences; nothing where all holds."""
    calls = _counted(stage, trial.scene, trial.mode)
    scene, machine = stage.scenes[trial.scene], stage.machine
    stage.calm(trial.scene)
    stage.begin(trial.scene)
    roots = () if trial.mode == "kill" else FAULTY
    first = machine.sia(*scene.command, mode=trial.mode, point=trial.point, roots=roots)
    said = [_said(scene.command, first)]

    def recovery() -> list[Command]:
        # how many calls there are depends on timers too, but by far less than a half
        may_be_over = trial.mode == "full" or trial.point > len(calls) // 2
        assert first.reached or may_be_over, "the call never came"
        assert not any(text in first.output for text in BUG), "an error without a sentence"
        ended = not first.code
        if trial.again:  # the recovery may be over before that call
            codes = [machine.sia(*command, mode="kill", point=trial.again).code for command in scene.recover()]
            ended = not any(codes)
        # a command that ended well may have been told, and have said, that git is behind the log
        return [("rebuild",)] if ended else scene.recover()

    lacks = _lacks(stage, trial.scene, recovery, said)
    met = first.calls[-1] if first.calls else "no call"
    planned = calls[trial.point - 1] if trial.point <= len(calls) else "beyond the calm calls"
    return lacks and f"{trial}\n  planned {planned}, last {met}\n  {said}\n  {lacks}"


def problem_after(stage: Stage, scene: str, death: Death) -> str:
    """What does not hold after the recovery from a death, in some sentences; nothing where all holds."""
    said: list[tuple[str, int, str]] = []
    stage.machine.restore(death.saved)
    lacks = _lacks(stage, scene, stage.scenes[scene].recover, said)
    return lacks and f"{scene}, {death}\n  {said}\n  {lacks}"


def _lacks(stage: Stage, scene: str, recovery: Callable[[], list[Command]], said: list[tuple[str, int, str]]) -> str:
    """What differs from the scene's calm end once it is recovered from what is on the machine."""
    try:
        for command in (*recovery(), *stage.scenes[scene].after):
            done = stage.machine.sia(*command)
            said.append(_said(command, done))
            assert done.code == 0, "the recovery has failed"
        return stage.told().lacks(stage.calm(scene)[1])
    except Exception as error:  # each is a finding
        return f"{type(error).__name__}: {error}"


def _said(command: Command, done: Outcome) -> tuple[str, int, str]:
    return command[0], done.code, done.output[-400:]


def sample(stage: Stage, scene: str, mode: str, count: int, seed: int) -> Iterator[Trial]:
    """`count` trials of a scene, or all that differ: first of each kind of call on each kind of file one."""
    calls = _counted(stage, scene, mode)
    dice = random.Random(f"{scene} {mode} {seed}")
    kinds: dict[str, list[int]] = {}
    for point in _that_differ([call.partition(" ")[2] for call in calls], mode):
        kinds.setdefault(_RANDOM.sub("#", calls[point - 1].partition(" ")[2]), []).append(point)
    groups = [dice.sample(points, len(points)) for points in kinds.values()]
    dice.shuffle(groups)
    for point in [point for points in _in_turns(groups) for point in points][:count]:
        yield Trial(scene, mode, point)


def _that_differ(calls: Sequence[str], mode: str) -> Iterator[int]:
    """The numbers of the calls at which a trial does not do what one at another call does.

    A disk that is full from a call on fails at the first that needs room. Of the writes that SQLite makes in a row to
    one of its files the first two and the last are met: a fault in any ends in the same rollback.
    """
    for point, call in enumerate(calls, 1):
        name, path = call.split(" ", 1)
        alone = calls[max(0, point - 3) : point + 1].count(call) < 4 or not path.endswith(_OF_SQLITE)
        if alone and not (mode == "full" and name not in GROWING) and not (mode == "short" and "write" not in name):
            yield point


def _counted(stage: Stage, scene: str, mode: str) -> list[str]:
    """The calls of a calm command that count in this mode, so that their numbers are those of `problem`."""
    calls, _ = stage.calm(scene)
    places = () if mode == "kill" else tuple(stage.machine.place / name for name in FAULTY)
    paths = [Path(call.split(" ", 2)[2]) for call in calls]
    return [
        call for call, path in zip(calls, paths, strict=True) if not places or any(map(path.is_relative_to, places))
    ]


def _in_turns(groups: Sequence[list[int]]) -> Iterator[list[int]]:
    for turn in range(max(map(len, groups), default=0)):
        yield [group[turn] for group in groups if turn < len(group)]
