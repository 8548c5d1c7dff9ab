"""What the archive is worth: probes until a task of two kinds of instances is solved, with and without it.

    python -m benchmarks.archive [--seeds 20] [--probes 120]

A choice and four numbers decide about one kind of instances, as many others about the other kind. Beside the incumbent
two candidates are known, each of which is right on all of one kind. The merge is found with the first probe that is
right on 95% of all; a play that does not find it counts as all its probes. Then the same where there is nothing to
merge: all values decide about every instance, each of which wants slightly other ones, so that chance says who is best
where; what counts is the best score after half of the probes. Each seed is a task of its own, played with the archive
and without it; standard errors are over seeds.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import math
import random
import statistics
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from benchmarks.arena.methods.ours import harness
from engine.agents.protocol import PastGeneration, ProbeRequest, View
from engine.agents.search import SearchAgent
from engine.events import types as t
from engine.seeds import derive
from harness_repo.tunable import Tunable, Value

INSTANCES, NUMBERS, AWAY, SHIFT, SOLVED = 60, 4, 0.3, 0.1, 0.95
METHODS = ("plain", "rich", "deep")
KINDS = ("first", "second")
Params = dict[str, Value]


class Task:
    """The task of a seed. `known` are the values of the incumbent, and of the two that are right on one kind each."""

    def __init__(self, seed: int, *, alike: bool = False) -> None:
        draw = random.Random(derive(seed, "a task of two kinds"))
        self.space: dict[str, Tunable] = {}
        self.right: Params = {}
        for kind in KINDS:
            self.space[f"{kind}_method"] = Tunable("choice", choices=list(METHODS))
            self.right[f"{kind}_method"] = draw.choice(METHODS)
            for n in range(NUMBERS):
                self.space[f"{kind}_{n}"] = Tunable("float", low=0.0, high=1.0)
                self.right[f"{kind}_{n}"] = round(draw.random(), 3)
        self._wanted = [draw.uniform(0.1, 1.0) for _ in range(INSTANCES)]
        self.known = [before := self._moved(draw), *({**before, **self._of(kind)} for kind in KINDS)]
        self._decides = [KINDS if alike else (KINDS[n % len(KINDS)],) for n in range(INSTANCES)]
        self._shifts = [{name: draw.gauss(0, SHIFT) if alike else 0.0 for name in self.space} for _ in range(INSTANCES)]
        if alike:
            del self.known[1:]

    def _of(self, kind: str) -> Params:
        """The right values that decide about one kind."""
        return {name: value for name, value in self.right.items() if name.startswith(kind)}

    def _moved(self, draw: random.Random) -> Params:
        """Another choice for each, and each number moved."""
        return {
            name: draw.choice([one for one in METHODS if one != value])
            if isinstance(value, str)
            else round(value + (AWAY if value < 0.5 else -AWAY), 3)
            for name, value in self.right.items()
        }

    def scores(self, params: Mapping[str, Value]) -> dict[str, float]:
        """By instance 1 or 0: whether the values that decide about it are as close as it wants them."""
        return {f"case-{n}": float(self._error(params, n) <= wanted) for n, wanted in enumerate(self._wanted)}

    def _error(self, params: Mapping[str, Value], n: int) -> float:
        far, missed = [], 0
        for name, right in self.right.items():
            if name.startswith(self._decides[n]):
                if isinstance(right, str):
                    missed += params[name] != right
                else:
                    far.append(float(params[name]) - right - self._shifts[n][name])
        return math.hypot(*far) + 0.3 * missed


class Over(Exception):
    """A probe is right on enough instances, or the probes are spent."""


class Lab:
    """Probes of a task, of which it tells the scores by instance where there is an archive. `Lab` of the engine."""

    def __init__(self, task: Task, most: int, *, archive: bool) -> None:
        self._task, self._most, self._archive = task, most, archive
        self.known: list[t.ProbeFinished] = []
        self.asked = 0

    async def probe(self, requests: Sequence[ProbeRequest]) -> list[t.ProbeFinished]:
        """As `Lab.probe`; raises `Over`."""
        made = []
        for one in requests:
            made.append(self.probed(dict(one.params), one.ordinal, one.why))
            self.known.append(made[-1])
            self.asked += 1
            if made[-1].score.score >= SOLVED or self.asked == self._most:
                raise Over
        return made

    async def scores(self, probe: t.ProbeFinished) -> Mapping[str, float]:
        """As `Lab.scores`."""
        return self._task.scores(probe.params) if self._archive else {}

    def probed(self, params: Params, ordinal: int, why: str) -> t.ProbeFinished:
        """What a probe of these values shows."""
        scores = list(self._task.scores(params).values())
        error = statistics.stdev(scores) / math.sqrt(len(scores))
        score = t.Score(statistics.fmean(scores), error, len(scores))
        return t.ProbeFinished(1, 0, ordinal, why, params, "the task", score, len(scores), 0.0, 0.0, "", str(params))


class Played(NamedTuple):
    """So many probes until the task was solved, and the best score."""

    probes: int
    best: float


def play(seed: int, most: int, *, archive: bool, alike: bool = False) -> Played:
    """A search in Improvements of 12 probes, until it has solved the task or used `most`."""
    task = Task(seed, alike=alike)
    lab, first = Lab(task, most, archive=archive), harness(task.space, task.known[0])
    lab.known += [lab.probed(params, n, "known before") for n, params in enumerate(task.known)]
    settings = t.Settings(generations=1, seed=seed, agent="search", gate=t.Gate())
    past = [PastGeneration(1, "", first.params, None, "", accepted=True, verdict="")]
    agent = SearchAgent()
    with contextlib.suppress(Over):
        for attempt in itertools.count():
            view = View(1, attempt, attempt, settings, 1, first, past, [], list(lab.known), [], [])
            asyncio.run(agent.find(view, lab))
    return Played(lab.asked, max(probe.score.score for probe in lab.known))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--probes", type=int, default=120)
    chosen = parser.parse_args()
    seeds = range(1, chosen.seeds + 1)
    found = [[play(seed, chosen.probes, archive=archive).probes for seed in seeds] for archive in (True, False)]
    print("two kinds of instances, probes until both are solved")
    print(_compared(*found, digits=1))
    half = chosen.probes // 2
    best = [[play(seed, half, archive=archive, alike=True).best for seed in seeds] for archive in (True, False)]
    print(f"nothing to merge, best score after {half} probes")
    print(_compared(*best, digits=4))


def _compared(with_it: Sequence[float], without: Sequence[float], digits: int) -> str:
    """Both means and the mean of the paired differences, with standard errors."""
    differences = [one - other for one, other in zip(with_it, without, strict=True)]
    parts = (("with the archive", with_it), ("without", without), ("difference", differences))
    return "; ".join(
        f"{name} {statistics.fmean(values):.{digits}f} ± {_error(values):.{digits}f}" for name, values in parts
    )


def _error(values: Sequence[float]) -> float:
    return statistics.stdev(values) / math.sqrt(len(values)) if len(values) > 1 else 0.0


if __name__ == "__main__":
    main()
