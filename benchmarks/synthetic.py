"""A workspace with a made-up run of any length, written through the real log.

    python -m benchmarks.synthetic --workspace DIR [--events 1000000] [--seed 1] [--hostile]
    python -m benchmarks.synthetic --workspace DIR --live 1000 [--seconds 60]

The second continues such a run as an engine does, holding its lock, at that many events a second, until it is
terminated. `--hostile` fills the run with text that tries to be more than text.
"""

from __future__ import annotations

import argparse
import contextlib
import signal
import time
from collections.abc import Iterator
from pathlib import Path

from msgspec.structs import replace

from benchmarks.actor import HOSTILE, Actor
from engine.core.decide import RULES
from engine.core.state import State
from engine.events import types as t
from engine.events.event import Event
from engine.events.log import RunLog, now
from engine.events.reader import Reader
from engine.run.workspace import Workspace
from engine.seeds import derive

LEAST = 300
"""Events of the shortest run."""
BEGAN = 1_767_225_600_000_000
"""When a made-up run began, in microseconds since 1970: the first moment of 2026."""
TICK = 40_000
"""Microseconds from event to event."""
PROBES = 8
_GROUP = 2_000
_AROUND = 18
"""Events of a generation beside its results."""


def write(workspace: Path, events: int, seed: int = 1, *, hostile: bool = False) -> str:
    """Writes a finished run of exactly `events` events and returns its id."""
    if events < LEAST:
        raise ValueError(f"a run has at least {LEAST} events")
    generations = min(50, max(4, events // 400))
    each = (events - 22 - generations * _AROUND) // generations
    val = each * 7 // 10
    train = each - val
    run = f"{derive(seed, 'run'):012x}"[:8]
    name = HOSTILE if hostile else "synthetic"
    domain = t.DomainRef(
        name, name, f"{derive(seed, 'domain'):064x}", "Which class is the case?", "accuracy",
        {"train": 4 * train, "val": val, "test": val},
    )  # fmt: skip
    settings = t.Settings(
        generations, seed, "search", t.Gate(minimum_effect=0.005), t.Budget(evaluations=10 * events), probes=PROBES,
        probe_fold=min(400, train), train_sample=train,
    )  # fmt: skip
    isolation = {"level": "full", "uid": 65534, "network": False}

    def filling(state: State) -> int:
        return events - state.n - each - 9  # what comes after the last probe: a candidate, its generation, the end

    ticks = iter(range(BEGAN, BEGAN + TICK * events, TICK))
    Workspace(workspace).create()
    with contextlib.closing(RunLog.hold(workspace, run, clock=lambda: next(ticks))) as log:
        actor = Actor(workspace, log, group=_GROUP, last_probes=filling)
        actor.append(0, t.RunStarted(RULES, f"{name}-{seed}", domain, settings, isolation, {"sia": "0.1.0"}))
        actor.play()
        actor.close()
    return run


class _Enough(Exception):
    """The play has gone on for as long as was asked."""


class _Pace:
    """Lets `rate` events a second through; raises `_Enough` after `seconds`, or once `over` is set."""

    def __init__(self, rate: int, seconds: float | None) -> None:
        self.over = False
        self._rate, self._due = rate, time.monotonic()
        self._end = self._due + seconds if seconds is not None else float("inf")

    def __call__(self, count: int) -> None:
        if self.over or self._due > self._end:
            raise _Enough
        # where a commit took too long, the ones after it catch up, by a second at most
        self._due = max(self._due, time.monotonic() - 1) + count / self._rate
        time.sleep(max(0.0, self._due - time.monotonic()))


def live(workspace: Path, rate: int, seconds: float | None = None) -> int:
    """Goes on with the workspace's latest run; returns how many events were appended. SIGTERM and SIGINT end it."""
    with contextlib.closing(Reader.open(workspace / "events.db")) as reader:
        run = reader.find("last").run
    pace = _Pace(rate, seconds)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: setattr(pace, "over", True))
    with contextlib.closing(RunLog.hold(workspace, run, now)) as log:
        actor = Actor(workspace, log, _needed(log.reader, run), group=max(1, rate // 20), paced=pace)
        before, at = actor.state.n, len(actor.state.generations)
        more = replace(actor.state.settings, generations=at + 10_000, budget=t.Budget())
        with contextlib.suppress(_Enough):
            actor.append(at, t.RunResumed(settings=more))
            actor.play()
        pace.over, actor.paced = False, lambda count: None
        if (step := actor.state.open_step) is not None:
            abandoned = t.StepAbandoned(step.kind, step.attempt, "a person asked", step.evaluations)
            actor.append(step.generation, abandoned)
        actor.append(len(actor.state.generations), t.RunPaused("the benchmark"))
        actor.close()
        return actor.state.n - before


def _needed(reader: Reader, run: str) -> Iterator[Event]:
    """The history without most of its results: those of the last generation and of the incumbent's are enough."""
    rows = reader.db.conn.execute(
        """SELECT seq, run, n, type, v, at, generation, payload, prev_hash, hash FROM events
           WHERE run = ?1 AND (type != 'instance.finished' OR generation IN (
               (SELECT max(generation) FROM generations WHERE run = ?1),
               (SELECT max(generation) FROM generations WHERE run = ?1 AND accepted)))
           ORDER BY n""",
        (run,),
    )
    return (Event(*row) for row in rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workspace", type=Path, required=True)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--hostile", action="store_true")
    parser.add_argument("--live", type=int, metavar="RATE", help="events a second, appended to a run that is there")
    parser.add_argument("--seconds", type=float, help="for how long; until it is told to end, if not given")
    chosen = parser.parse_args()
    began = time.monotonic()
    if chosen.live:
        count = live(chosen.workspace, chosen.live, chosen.seconds)
    else:
        write(chosen.workspace, chosen.events, chosen.seed, hostile=chosen.hostile)
        count = chosen.events
    took = time.monotonic() - began
    print(f"{count} events in {took:.1f} s, {count / took:.0f} a second")


if __name__ == "__main__":
    main()
