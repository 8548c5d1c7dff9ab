"""Simulated runs: the steps that `decide` asks for get invented results, in memory or in a real log."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

import msgspec

from engine.core import budget, determinism, results
from engine.core.decide import RULES, Append, ApplyGate, AwaitApproval, Halt, Perform, decide
from engine.core.gate import mean
from engine.core.results import Results
from engine.core.state import State, evolve, fold
from engine.core.verdict import first_look, judge
from engine.errors import SiaError
from engine.events import types as t
from engine.events.codec import encode
from engine.events.event import GENESIS, Event, chain_hash
from engine.events.storage import blobs
from engine.seeds import derive
from harness_repo.harness import dump_params
from harness_repo.objects import Version, build

SEED_HARNESS = {
    "harness.toml": b'name = "toy"\n[tunables.skill]\ntype = "int"\nlow = 0\nhigh = 1000\n',
    "params.toml": b"skill = 0\n",
    "agent.py": b"def solve(instance, ctx):\n    return 0\n",
}
COUNTS = {"train": 6, "val": 12, "test": 4}
SECOND = 1_000_000


def settings(**changes: object) -> t.Settings:
    """Settings of a small run."""
    base = t.Settings(generations=3, seed=7, agent="fake", gate=t.Gate(), probes=2, probe_fold=3, train_sample=2)
    return msgspec.structs.replace(base, **changes)


def domain(counts: dict[str, int] | None = None) -> t.DomainRef:
    """A domain that exists in the log only."""
    return t.DomainRef("toy", "toy", "d" * 64, "A toy", "accuracy", counts or COUNTS)


def started(chosen: t.Settings | None = None, counts: dict[str, int] | None = None) -> t.RunStarted:
    """The first event of a run."""
    return t.RunStarted(RULES, "toy-1", domain(counts), chosen or settings())


class Memory:
    """Stands for a `RunLog` and its `Reader` without a file."""

    def __init__(self, run: str = "run") -> None:
        self.run = run
        self.events: list[Event] = []
        self.blobs: dict[str, bytes] = {}

    def append(
        self, rows: Sequence[tuple[int, t.Payload]], *, contents: Sequence[bytes] = (), durable: bool = True
    ) -> list[Event]:
        self.blobs |= {blobs.digest(content): content for content in contents}
        for generation, payload in rows:
            n = len(self.events) + 1
            row = (payload.type, payload.version, n * SECOND, generation, encode(payload))
            self.events.append(chained(self.run, n, row, self.events[-1].hash if self.events else GENESIS))
        return self.events[-len(rows) :]

    def history(self, run: str, *, after: int = 0, until: int | None = None) -> Iterator[Event]:
        return iter([event for event in self.events if after < event.n <= (until or 1 << 62)])

    def blob(self, name: str) -> bytes:
        if name not in self.blobs:
            raise SiaError(f"the blob {name} is missing")
        return self.blobs[name]


def chained(run: str, n: int, row: tuple[str, int, int, int, bytes], previous: str) -> Event:
    """An event with the hash that it must have."""
    kind, version, at, generation, stored = row
    name = chain_hash(previous, run, n, kind, version, at, generation, stored)
    return Event(n, run, n, kind, version, at, generation, stored, previous, name)


def rehashed(events: Iterable[Event]) -> list[Event]:
    """The same contents in a chain that holds again: what a careful forger would leave behind."""
    chain: list[Event] = []
    for event in events:
        row = (event.type, event.v, event.at, event.generation, event.stored)
        chain.append(chained(event.run, len(chain) + 1, row, chain[-1].hash if chain else GENESIS))
    return chain


Skill = Callable[[int, str], float]
"""(version number, instance) to score"""


def rising(number: int, instance: str) -> float:
    """Every version answers everything better."""
    return min(1.0, 0.1 * number)


class Play:
    """Drives a run until it rests, from its start or from the end of `history`.

    `fails` and `crashes` name (kind, generation, attempt) of steps that come to nothing; the Improvements of the
    generations in `barren` find nothing. A person who is asked says no to the first candidates in `declines`;
    with `absent` nobody answers, and the run rests there. `noise` is what a version's repeat adds
    to its score.
    """

    def __init__(
        self,
        log: Memory,
        first: t.RunStarted | None = None,
        *,
        skill: Skill = rising,
        noise: Callable[[int, int], float] = lambda number, repeat: 0.0,
        fails: Collection[tuple[str, int, int]] = (),
        crashes: Collection[tuple[str, int, int]] = (),
        barren: Collection[int] = (),
        declines: Collection[int] = (),
        absent: bool = False,
        history: Sequence[Event] = (),
    ) -> None:
        self.log, self.skill, self.fails, self.crashes, self.barren = log, skill, fails, crashes, barren
        self.declines, self.absent, self.noise = set(declines), absent, noise
        self.state, self.results = fold(history), Results()
        for event in history:
            self.results.add(event)
        if not history:
            self.append(0, first or started())

    def append(self, generation: int, *payloads: t.Payload, contents: Sequence[bytes] = ()) -> None:
        for event in self.log.append([(generation, payload) for payload in payloads], contents=contents, durable=False):
            self.take(event)

    def take(self, event: Event) -> None:
        self.state = evolve(self.state, event)
        self.results.add(event)

    def to_rest(self) -> State:
        for _ in range(10_000):
            match decide(self.state):
                case Halt():
                    return self.state
                case Append(generation=generation, payload=payload):
                    self.append(generation, payload)
                case ApplyGate(generation=generation):
                    self.judge(generation)
                case AwaitApproval() if self.absent:
                    return self.state
                case AwaitApproval(number=number):
                    answer: t.Answer = "no" if number in self.declines else "yes"
                    self.declines.discard(number)
                    word = t.ApprovalGiven(number, self.state.versions[number].commit, answer, "ada")
                    self.append(min(number, max(number - 1, self.state.generation)), word)
                case Perform(kind=kind, generation=generation, attempt=attempt):
                    self.perform(kind, generation, attempt)
        raise AssertionError("the run never rests")

    def judge(self, generation: int) -> None:
        self.append(generation, judge(self.state, self.results, generation))

    def perform(self, kind: t.StepKind, generation: int, attempt: int) -> None:
        self.append(generation, t.StepStarted(kind, attempt))
        if (kind, generation, attempt) in self.fails:
            failure = t.Failure("infrastructure", f"{kind} {attempt} failed")
            self.append(generation, t.StepFailed(kind, attempt, failure))
            return
        crash = (kind, generation, attempt) in self.crashes
        match kind:
            case _ if crash and kind != "execute":
                pass  # in doubt: nothing more is written
            case "baseline":
                self.append(generation, t.BaselineMeasured({"always 0": t.Score(0.1, 0.0, 12)}, 0.5))
            case "write":
                self._write(Version(SEED_HARNESS, [], 1, None, "seed", "the seed"))
            case "execute":
                self._execute(generation, until=3 if crash else None)
            case "analyse":
                self.append(generation, t.AnalysisFinished("all is well", "harness", "try harder"))
            case "improve":
                self._improve(generation)

    def _execute(self, generation: int, until: int | None) -> None:
        state = self.state
        counts, candidate = state.domain.counts, state.of(generation).candidate
        arms = [(candidate, generation)]
        if state.rival is not None and state.incumbent:
            arms.append((state.rival, state.incumbent))
        first, done = (state.rotation.number(generation) - 1) * counts["val"], 0
        for one, number in arms:
            wanted = [("val", counts["val"])]
            if one is candidate:
                wanted.append(("train", min(state.settings.train_sample, counts["train"])))
            have = self.results.of(generation, one)
            for split, size in wanted:
                for i in range(first * (split == "val"), first * (split == "val") + size):
                    for repeat in range(state.settings.repeats):
                        if (split, f"{split}-{i}", repeat) in have:
                            continue
                        if until is not None and done == until:
                            return
                        done += 1
                        self.append(generation, self._result(one, number, split, f"{split}-{i}", repeat))
        found = self.results.of(generation, candidate)
        self._measure_noise(generation, candidate)
        if budget.reserve_of(state) and state.incumbent:
            self._look_twice(generation)
        beside = determinism.rival(self.state, self.results)
        rival = beside and results.scores(self.results.of(generation, beside), state.rules).get("val")
        self.append(
            generation,
            t.ExecutionFinished(
                results.scores(found, state.rules),
                results.digest(found),
                results.count_failures(one.failure for one in found.values()),
                len(found),
                0,
                1.0,
                rival,
            ),
        )

    def _measure_noise(self, generation: int, candidate: t.Candidate) -> None:
        incumbent = self.state.incumbent or 1
        both = [(candidate, generation), (self.state.of(incumbent).candidate, incumbent)]
        while (due := determinism.due(self.state, self.results, generation)) is not None:
            for repeat in due.repeats:
                if not budget.allows(self.state, 1 + due.paired):
                    return
                for one, number in both[: 1 + due.paired]:
                    self.append(generation, self._result(one, number, "val", "val-0", repeat))

    def _look_twice(self, generation: int) -> None:
        candidate, incumbent = self.state.of(generation).candidate, self.state.incumbent or 1
        if self.state.of(generation).look is None and (look := first_look(self.state, self.results, generation)):
            self.append(generation, look)
        if not (look := self.state.of(generation).look) or not look.open:
            return
        at = generation if self.state.settings.noisy else None
        for one, number in ((self.state.of(incumbent).candidate, incumbent), (candidate, generation)):
            for i in range(self.state.domain.counts["reserve"]):
                for repeat in range(self.state.settings.repeats):
                    if (f"reserve-{i}", repeat) not in self.results.reserve(one, at):
                        self.append(generation, self._result(one, number, "reserve", f"reserve-{i}", repeat))

    def _result(self, one: t.Candidate, number: int, split: str, instance: str, repeat: int) -> t.InstanceFinished:
        seed = derive(self.state.root_seed, "instance", instance, repeat)
        score = self.skill(number, instance) + self.noise(number, repeat)
        return t.InstanceFinished(one.harness, split, instance, repeat, seed, "p", score, answer=f'"{score}"')

    def _improve(self, generation: int) -> None:
        state = self.state
        fold = state.settings.probe_fold
        for ordinal in range(state.settings.probes):
            left = budget.affordable_evaluations(self.state)
            if left is not None and left < fold:
                break
            items = msgspec.json.encode([[f"train-{i}", 0.5, "0"] for i in range(fold)])
            probe = t.ProbeFinished(
                generation, len(state.of(generation).failed_improvements), ordinal, "a try", {"skill": ordinal},
                "a fold", mean([0.5] * fold), fold, 0.1, 0.1, f"key of {ordinal}", blobs.digest(items),
            )  # fmt: skip
            self.append(generation, probe, contents=[items])
        if generation in self.barren:
            self.append(generation, t.ImprovementFailed("nothing was better"))
            return
        files = {**SEED_HARNESS, "params.toml": dump_params({"skill": generation})}
        parent = state.of(state.incumbent or 1).candidate.harness
        self._write(Version(files, [parent], generation + 1, "harness", "fake", f"skill {generation}"))

    def _write(self, version: Version) -> None:
        written = build(version)
        names = {path: blobs.digest(content) for path, content in version.files.items()}
        lever: t.Lever | None = "harness" if version.lever else None
        payload = t.HarnessWritten(
            version.number, written.commit, written.tree, list(version.parents), names, version.author,
            version.reason, lever, "skill",
        )  # fmt: skip
        self.append(version.number - 1, payload, contents=list(version.files.values()))
