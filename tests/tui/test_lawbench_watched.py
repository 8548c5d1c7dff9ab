"""A recorded LawBench run, watched as when it was live: at each event the first screen of 80x24 says what it does.

The truth is counted here from the events alone, by other code than the app's.
"""

from __future__ import annotations

import contextlib
import itertools
import re
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import pytest

from engine.events import types as t
from engine.events.event import Event
from engine.events.log import RunLog
from engine.events.reader import Reader
from engine.run.workspace import Workspace
from sia_tui.app.app import SiaApp
from sia_tui.cli.formats import STEP_NAMES
from tests.tui.conftest import settle

RECORDING = Path(__file__).parents[2] / "events.db"
LATER_US = 900_000
"""After each event the screen is looked at so much later."""
UNITS = {"s": 1, "m": 60, "h": 3600}
ENDS = ("baseline.measured", "harness.written", "execution.finished", "analysis.finished", "test.unsealed")


class Truth:
    """What the run is doing after each event, counted anew from all events so far."""

    def __init__(self, first: t.RunStarted) -> None:
        self.total = first.domain.counts["val"] + first.settings.train_sample
        self.generations, self.probes = first.settings.generations, first.settings.probes
        self.kind = ""
        self.generation = self.done = 0
        self.begun = self.ready = self.last = 0
        self.prepared = 0.0
        self.took: dict[str, list[float]] = defaultdict(list)
        self.each: list[tuple[int, float]] = []

    def take(self, event: Event) -> None:
        """Counts one more event."""
        self.generation, self.last = event.generation, event.at
        if event.type == "step.started":
            assert isinstance(event.payload, t.StepStarted)
            self.kind, self.begun = event.payload.kind, event.at
            self.done = self.ready = 0
            self.prepared = 0.0
        elif event.type == "harness.prepared":
            assert isinstance(event.payload, t.HarnessPrepared)
            again = int(event.payload.wall_s * 1e6)  # in which nothing was evaluated
            self.ready = self.ready + again if self.ready else event.at
            self.prepared += event.payload.wall_s
        elif event.type in ("instance.finished", "probe.finished"):
            self.done += 1
        elif event.type in ENDS and self.kind:
            self.took[self.kind].append((event.at - self.begun) / 1e6)
            if self.kind == "execute":
                self.each.append((self.total, (event.at - self.ready) / 1e6))
                self.took["prepare"].append(self.prepared)
            self.kind = ""

    @property
    def phase(self) -> str:
        """The step in words, with its generation."""
        where = f"gen {self.generation}/{self.generations} " if self.generation else ""
        preparing = self.kind == "execute" and not self.ready
        return where + ("preparing" if preparing else STEP_NAMES[self.kind])

    @property
    def amount(self) -> str:
        """What is done of all."""
        if self.kind == "execute":
            return f"{self.done:,}/{self.total:,}"
        return f"{self.done}/{self.probes} probes" if self.kind == "improve" else ""

    def seconds(self, now: int) -> tuple[float, bool]:
        """Seconds that the step will take from `now` on, and True; else those that it has taken, and False."""
        left = self._left()
        waited = (now - self.last) / 1e6
        if left is not None and left > waited:
            return left - waited, True
        return (now - self.begun) / 1e6, False

    def run_seconds(self, now: int) -> tuple[float, bool] | None:
        """Seconds that the run will take from `now` on, as far as that is known, and whether all of it is."""
        left, rest = self._left(), self.generations - max(1, self.generation)
        first = self.kind in ("baseline", "write")
        each, took = self._each, {kind: mean(times) for kind, times in self.took.items()}
        execution = None if each is None else self.total * each + self._preparing
        parts = [
            left,
            *[took.get("write")] * (self.kind == "baseline"),
            *[execution] * (rest + first),
            *[took.get("analyse")] * (rest - (self.kind in ("analyse", "improve"))),
            *[took.get("improve")] * (rest - (self.kind == "improve")),
        ]
        known = [one for one in parts if one is not None]
        if self.kind == "test" or not known:
            return None
        waited = min((now - self.last) / 1e6, left or 0.0)
        return max(0.0, sum(known) - waited), len(known) == len(parts)

    @property
    def _each(self) -> float | None:
        """Seconds for a result, by the Executions that are finished; in the first one by those that are there."""
        if self.each:
            return sum(seconds for _, seconds in self.each) / sum(count for count, _ in self.each)
        return (self.last - self.ready) / 1e6 / self.done if self.kind == "execute" and self.done >= 8 else None

    @property
    def _preparing(self) -> float:
        """Seconds that the preparations of an Execution take together."""
        return mean(self.took["prepare"]) or self.prepared

    def _left(self) -> float | None:
        spent = (self.last - self.begun) / 1e6
        if self.kind == "execute":
            each = (self.last - self.ready) / 1e6 / self.done if self.done >= 8 else self._each
            left = max(0.0, self._preparing - (self.prepared if self.ready else spent))
            return None if each is None else (self.total - self.done) * each + left
        if self.kind == "improve" and self.done:
            return (self.probes - self.done) * spent / self.done
        before = mean(self.took[self.kind])
        return None if before is None else max(0.0, before - spent)


def mean(numbers: Sequence[float]) -> float | None:
    """The mean; None of nothing."""
    return sum(numbers) / len(numbers) if numbers else None


def seconds(text: str) -> float:
    """A duration as the line says it: `1 m 05 s`."""
    return float(sum(int(number) * UNITS[unit] for number, unit in re.findall(r"(\d+) ([smh])", text)))


def watched(events: list[Event], every: int) -> set[int]:
    """The numbers of the events after which the screen is looked at: of all steps, and of each so many results."""
    results = [one.n for one in events if one.type == "instance.finished"]
    return {one.n for one in events} - set(results) | set(results[::every])


def moments(at: int, following: int) -> list[int]:
    """When the screen is looked at after an event: soon, and where long nothing follows, in between and just before."""
    later = [at + (following - at) * part // 10 for part in (1, 5, 9)] if following - at > 5_000_000 else []
    return [at + LATER_US, *later]


def check(line: str, truth: Truth, now: int) -> None:
    """The line names the step, what is done of all, and the time for the step and for the run, as they are."""
    assert f"{truth.phase} " in line, line
    assert truth.amount in line, line
    (said, kind), *_ = re.findall(r"((?:\d+ [hms] ?)+) ?(left|so far)", line)
    want, is_left = truth.seconds(now)
    assert (kind == "left") == is_left, line
    assert abs(seconds(said) - want) <= 1, (line, want)
    run, told = truth.run_seconds(now), re.search(r"run (> )?((?:\d+ [hms] ?)+)", line)
    assert bool(run) == bool(told), (line, run)
    if run and told:
        assert abs(seconds(told[2]) - run[0]) <= 1, (line, run)
        assert (not told[1]) == run[1], (line, run)


@pytest.mark.asyncio
@pytest.mark.parametrize("every", [60, pytest.param(1, marks=[pytest.mark.slow, pytest.mark.timeout(1200)])])
async def test_the_first_screen_is_true_within_a_second(
    every: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = Reader.open(RECORDING)
    events = list(reader.history(reader.runs()[0].run))
    reader.close()
    looks, truth, seen = watched(events, every), Truth(events[0].payload), 0  # type: ignore[arg-type]
    times, now = iter(one.at for one in events), events[0].at
    monkeypatch.setattr(time, "time_ns", lambda: now * 1000)
    with contextlib.closing(RunLog.hold(tmp_path, events[0].run, clock=lambda: next(times))) as log:
        log.append([(0, events[0].payload)], durable=False)
        truth.take(events[0])
        app = SiaApp(Workspace(tmp_path), shipped=False)
        async with app.run_test(size=(80, 24)) as pilot:
            await settle(pilot)
            waiting: list[Event] = []
            for event, following in itertools.pairwise(events[1:]):
                waiting.append(event)
                truth.take(event)
                if event.n not in looks:
                    continue
                log.append([(one.generation, one.payload) for one in waiting], durable=False)
                waiting.clear()
                for now in moments(event.at, following.at):
                    app.main._tick()
                    app.main.refresh_lineage()
                    line = str(app.main.status_line.render())
                    if event.type == "run.finished":
                        assert line.startswith(" finished · ")
                    elif truth.kind:
                        check(line, truth, now)
                        seen += 1
                    else:
                        assert following.at - event.at < LATER_US, "nothing is open for no longer than a screen may lag"
    assert seen > (230 if every > 1 else 10_000)
