"""The whole: `python -m tests.crash.points` lets every command meet a kill and each fault at every call, and counts."""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import NamedTuple

from tests.crash.points.deaths import Deaths, PowerCuts
from tests.crash.points.machine import Machine
from tests.crash.points.scenes import SCENES, Stage
from tests.crash.points.trials import FAULTS, Trial, problem, problem_after, sample

KINDS = ("kill", "power", "again", *FAULTS)
HEADS = ("command", "calls", "kills", "power cuts", "killed again", "disk full", "I/O error", "short write", "failed")
ALL = 1_000_000
CHUNK = 10
_stage: list[Stage] = []


class Done(NamedTuple):
    """How many were tried of a kind, of how many that there are; what did not hold."""

    scene: str
    kind: str
    tried: int
    planned: int
    failed: int
    calls: int = 0


def plan(scene: str, kinds: Sequence[str], seed: int) -> dict[str, list[Trial]]:
    """All trials of a command by their kind, but the kills: one of each ten kills is killed again."""
    stage, dice = _stage[0], random.Random(f"{scene} {seed}")
    planned = {kind: list(sample(stage, scene, kind, ALL, seed)) for kind in FAULTS if kind in kinds}
    if "again" in kinds:
        kills = list(sample(stage, scene, "kill", ALL, seed))[::10]
        planned["again"] = [trial._replace(again=dice.randint(1, trial.point)) for trial in kills]
    return planned


def chunk(scene: str, kind: str, trials: list[Trial], until: float) -> Done:
    """Some trials of a command."""
    return _tried(scene, kind, (problem(_stage[0], trial) for trial in trials), len(trials), until)


def deaths(scene: str, kind: str, until: float) -> Done:
    """A recovery from each state that kills, or power cuts, leave of a command."""
    stage = _stage[0]
    made = [Deaths(stage, scene)] if kind == "kill" else [PowerCuts(stage, scene, torn=torn) for torn in (False, True)]
    found = [death for one in made for death in one.found]
    problems = (problem_after(stage, scene, death) for death in found)
    calls = made[0].points if kind == "kill" else 0
    return _tried(scene, kind, problems, len(found), until)._replace(calls=calls)


def _tried(scene: str, kind: str, problems: Iterator[str], planned: int, until: float) -> Done:
    tried = failed = 0
    while time.time() < until and (text := next(problems, None)) is not None:
        tried += 1
        if text:
            failed += 1
            print(f"FAILED {text}", flush=True)
    return Done(scene, kind, tried, planned, failed)


def _begin(folder: str) -> None:
    _stage.append(Stage(Machine(Path(tempfile.mkdtemp(dir=folder)))))


def _all(pool: ProcessPoolExecutor, chosen: argparse.Namespace) -> Iterator[Done]:
    """What each piece of work has found, in the order in which they end."""
    names, kinds = chosen.commands.split(","), chosen.kinds.split(",")
    until = time.time() + 60 * chosen.minutes
    work = [pool.submit(deaths, name, kind, until) for kind in ("kill", "power") if kind in kinds for name in names]
    turns: dict[int, list[tuple[str, str, list[Trial]]]] = {}
    for name, planned in [(name, pool.submit(plan, name, kinds, chosen.seed)) for name in names]:
        for kind, trials in planned.result().items():
            for at in range(0, len(trials), CHUNK):
                turns.setdefault(at, []).append((name, kind, trials[at : at + CHUNK]))
    work += [pool.submit(chunk, *piece, until) for at in sorted(turns) for piece in turns[at]]
    for future in as_completed(work):
        yield future.result()


def _table(found: Sequence[Done], names: Sequence[str]) -> str:
    lines = ["| " + " | ".join(HEADS) + " |", "| --- " * len(HEADS) + "|"]
    for name in (*names, "all"):
        mine = [done for done in found if name in (done.scene, "all")]
        cells = [name, f"{sum(done.calls for done in mine):,}"]
        for kind in KINDS:
            tried, planned = (sum(done[n] for done in mine if done.kind == kind) for n in (2, 3))
            cells.append(f"{tried:,}" if tried == planned else f"{tried:,} of {planned:,}")
        lines.append("| " + " | ".join([*cells, f"{sum(done.failed for done in mine):,}"]) + " |")
    return "\n".join(lines)


def main() -> int:
    """Tries all; returns 1 where something did not hold."""
    parser = argparse.ArgumentParser(prog="python -m tests.crash.points", description=__doc__)
    parser.add_argument("--commands", default=",".join(SCENES), help="of these commands")
    parser.add_argument("--kinds", default=",".join(KINDS), help="of these kinds")
    parser.add_argument(
        "--jobs", type=int, default=2 * (os.cpu_count() or 1), help="at a time; they wait half the time"
    )
    parser.add_argument("--minutes", type=float, default=float(ALL), help="begins nothing after these")
    parser.add_argument("--seed", type=int, default=1, help="of the order, and of what is killed again")
    parser.add_argument("--folder", help="where the machines are: a folder in memory is faster")
    chosen = parser.parse_args()
    found: list[Done] = []
    with (
        tempfile.TemporaryDirectory(dir=chosen.folder) as folder,
        ProcessPoolExecutor(chosen.jobs, initializer=_begin, initargs=(folder,)) as pool,
    ):
        began = time.monotonic()
        for done in _all(pool, chosen):
            found.append(done)
            print(f"{time.monotonic() - began:6.0f} s  {done}", flush=True)
    print(_table(found, chosen.commands.split(",")))
    return min(1, sum(done.failed for done in found))


if __name__ == "__main__":
    sys.exit(main())
