"""An engine without effects: performs what `decide` asks for with invented results, and writes it to the real log.

Everything that follows from results is computed as the engine computes it (scores, digests, verdicts, commits), so
that the run verifies and replays like any other. What is invented is a function of the run's seed.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from benchmarks.hostile import FILES, LOGS, SPECIMENS
from engine.core import gate, results
from engine.core.decide import Append, ApplyGate, Perform, decide
from engine.core.results import Key
from engine.core.state import State, evolve
from engine.core.units import Row
from engine.evaluation import answer_codec
from engine.events import types as t
from engine.events.event import Event
from engine.events.log import RunLog
from engine.events.storage import blobs
from engine.run import git_refs
from engine.run.score_notes import ScoreNotes
from engine.run.versions import harness_written
from engine.run.workspace import Workspace
from engine.seeds import derive
from harness_repo.harness import dump_params
from harness_repo.objects import Version
from harness_repo.tunable import Value

HARNESS: dict[str, bytes] = {
    "harness.toml": b"""name = "linear"

[tunables.method]
type = "choice"
choices = ["rules", "nearest", "linear"]
structural = true

[tunables.strength]
type = "float"
low = 0.01
high = 100.0
log = true
""",
    "agent.py": b"""def prepare(ctx):
    return {case.data: case.label for case in ctx.train()}


def solve(instance, ctx):
    return ctx.prepared.get(instance.data, "class 00")
""",
    "prompts/classify.md": b"Name the class of the case. Answer with the class alone.\n",
}
KINDS: tuple[t.FailureKind, ...] = ("candidate", "timeout", "resource", "verifier", "model")
FAILED_EXECUTION, BARREN = 2, 2
"""The generation whose Execution fails once, and the one whose first Improvement finds nothing."""
CLASSES = 24


class Case(NamedTuple):
    """An instance: `hardness` in [0, 1] is the skill that it takes."""

    split: str
    id: str
    seed: int
    hardness: float


class Actor:
    """Plays the engine on a run that `log` holds.

    `paced` is told how many events are about to be appended, and may wait, or raise to end the play; they come in
    groups of `group`. `last_probes` says how many probes the last Improvement makes.
    """

    def __init__(
        self,
        workspace: Path,
        log: RunLog,
        history: Iterable[Event] = (),
        *,
        group: int,
        paced: Callable[[int], None] = lambda count: None,
        last_probes: Callable[[State], int] | None = None,
    ) -> None:
        self.log, self.state = log, State()
        self.repository = Workspace(workspace).repository()
        self._group, self.paced, self._last_probes = group, paced, last_probes
        self._waiting: list[tuple[t.Payload, list[bytes]]] = []
        self._found: dict[int, dict[Key, t.InstanceFinished]] = {}
        self._cases: list[Case] = []
        for event in history:
            self._take(event)

    def append(self, generation: int, *payloads: t.Payload, contents: Sequence[bytes] = ()) -> None:
        """Appends at once."""
        self.paced(len(payloads))
        rows = [(generation, payload) for payload in payloads]
        for event in self.log.append(rows, contents=contents, durable=False):
            self._take(event)

    def _take(self, event: Event) -> None:
        self.state = evolve(self.state, event)
        match payload := event.payload:
            case t.InstanceFinished():
                key = payload.split, payload.instance, payload.repeat
                self._found.setdefault(event.generation, {})[key] = payload
            case t.GenerationFinished():  # of a million results only those that a verdict can still need
                self._found = {
                    n: found for n, found in self._found.items() if n in (event.generation, payload.incumbent)
                }
            case _:
                pass

    def play(self) -> None:
        """Goes on until the run rests."""
        while True:
            match decide(self.state):
                case Append(generation=generation, payload=payload):
                    self.append(generation, payload)
                case ApplyGate(generation=generation):
                    self.append(generation, self._verdict(generation))
                case Perform(kind=kind, generation=generation, attempt=attempt):
                    self.append(generation, t.StepStarted(kind, attempt))
                    self._perform(kind, generation, attempt)
                case _:
                    return

    def close(self) -> None:
        """Points the run's branch, tags and notes, as the engine leaves them."""
        name = self.state.name
        git_refs.update(self.repository, ScoreNotes(self.log.reader), git_refs.refs_of(name, self.state))
        self.repository.head(git_refs.branch(name))

    def _perform(self, kind: t.StepKind, generation: int, attempt: int) -> None:
        match kind:
            case "baseline":
                n = self.state.domain.counts["val"]
                scores = {"most frequent class": t.Score(0.08, 0.01, n), "nearest case": t.Score(0.52, 0.02, n)}
                self.append(generation, t.BaselineMeasured(scores, 41.5))
            case "write":
                self._write(
                    0, Version({**HARNESS, **self._params(1)}, [], 1, None, "seed", "The seed harness: linear.")
                )
            case "execute":
                self._execute(generation, attempt)
            case "analyse":
                self.append(generation, self._analysis(generation))
            case "improve":
                self._improve(generation)
            case "test":
                raise AssertionError("nobody asks for the test here")

    def _execute(self, generation: int, attempt: int) -> None:
        state = self.state
        candidate, draw = state.of(generation).candidate, self._draw("execution", generation)
        skill = 0.25 + 0.6 * (1 - 0.9**generation) + draw.gauss(0, 0.02)
        have, began = set(self._found.get(generation, {})), state.spent.seconds
        prepared = t.HarnessPrepared(candidate.harness, 12.4, 12.9, log=blobs.digest(_PREPARED))
        self.append(generation, prepared, contents=[_PREPARED])
        cases = self._all_cases()
        fails_at = len(cases) // 3 if (generation, attempt) == (FAILED_EXECUTION, 1) else None
        for i, case in enumerate(cases):
            result, contents = self._result(i, case, candidate.harness, generation, skill, draw)
            if (case.split, case.id, 0) not in have:
                self._stream(generation, result, contents)
            if i == fails_at:
                self._flush(generation)
                failure = t.Failure("infrastructure", self._text(f"the sandbox went away after {i} instances", i))
                self.append(generation, t.StepFailed("execute", attempt, failure))
                return
        self._flush(generation)
        found = self._found[generation]
        failures = results.count_failures(result.failure for result in found.values())
        wall_s = round(self.state.spent.seconds - began, 3)
        scores, digest = results.scores(found, self.state.rules), results.digest(found)
        self.append(generation, t.ExecutionFinished(scores, digest, failures, len(found), 0, wall_s))

    def _result(
        self, i: int, case: Case, harness: str, generation: int, skill: float, draw: random.Random
    ) -> tuple[t.InstanceFinished, list[bytes]]:
        luck, spent = draw.random(), 0.01 + 0.05 * draw.random()
        right = (case.hardness < skill) != (luck < 0.03)
        label = int(case.hardness * 1e6) % CLASSES
        kind = KINDS[int(luck * 1e4) % len(KINDS)] if 0.5 < luck < 0.504 else None
        answer, contents = answer_codec.pack(self._answer(i, label if right else (label + 1 + i) % CLASSES))
        log, logged = "", self._log(i, case, generation) if kind or luck > 0.99 or i < len(LOGS) else b""
        if logged:
            log, contents = blobs.digest(logged), [*contents, logged]
        detail = f"expected class {label:02}" if case.split == "train" and not right else ""
        return t.InstanceFinished(
            harness=harness,
            split=case.split,
            instance=case.id,
            repeat=0,
            seed=case.seed,
            prepared="5f0c1a2b3c4d5e6f",
            score=0.0 if kind else float(right),
            answer="" if kind else answer,
            detail=self._text(detail, i) if detail else "",
            failure=t.Failure(kind, self._text(f"solve ended: {kind}", i)) if kind else None,
            cpu_s=round(spent, 4),
            wall_s=round(1.3 * spent, 4),
            log=log,
        ), contents

    def _verdict(self, generation: int) -> t.GateDecided:
        state, against = self.state, self.state.incumbent
        now = state.of(generation)
        if against is None:
            return gate.first_verdict(now.execution.scores.get("val") if now.execution else None)
        return gate.compare(
            _val(self._found[generation]),
            _val(self._found[against]),
            against=against,
            gate=state.settings.gate,
            generations=state.settings.generations,
            noisy=False,
            rules=state.rules,
            account=state.account,
            arms=(now.candidate, state.of(against).candidate),
        )

    def _analysis(self, generation: int) -> t.AnalysisFinished:
        state = self.state
        wrong = [result for result in self._found[generation].values() if result.split == "train" and not result.score]
        findings = f"{len(wrong)} cases of the train sample are answered wrongly.\n" + "\n".join(
            f"- {result.instance}: {result.detail or 'failed'}" for result in wrong[:12]
        )
        return t.AnalysisFinished(
            self._text(findings, generation),
            "harness",
            self._text("The classes that are confused are told apart by a stronger penalty.", generation),
            evidence=[state.n],
            expected_gain=0.01,
            wall_s=2.5,
        )

    def _improve(self, generation: int) -> None:
        state, draw = self.state, self._draw("probes", generation, self.state.attempts)
        last = generation == state.settings.generations - 1 and self._last_probes is not None
        attempt = len(state.of(generation).failed_improvements)
        for ordinal in range(self._last_probes(state) if last and self._last_probes else state.settings.probes):
            rows = [
                [f"case-{i:06}", float(draw.random() < 0.5), '"class 01"'] for i in range(state.settings.probe_fold)
            ]
            items = msgspec.json.encode(rows)
            probe = t.ProbeFinished(
                generation=generation,
                attempt=attempt,
                ordinal=ordinal,
                why=self._text(f"strength {ordinal} is untried", ordinal),
                params={"method": self._text("linear", ordinal), "strength": round(draw.uniform(0.01, 100.0), 3)},
                fold=f"{len(rows)} of train",
                score=gate.mean([row[1] for row in rows]),  # type: ignore[misc]
                evaluations=len(rows),
                cpu_s=4.2,
                wall_s=4.6,
                key=blobs.digest(items),
                items=blobs.digest(items),
            )
            self.append(generation, probe, contents=[items])
        if generation == BARREN and attempt == 0:
            self.append(generation, t.ImprovementFailed(self._text("no probe was better than the incumbent", 0)))
            return
        parent = state.of(state.incumbent or 1).candidate.harness
        files = {**HARNESS, **self._params(generation + 1), **(FILES if self._hostile else {})}
        reason = self._text(f"The best of the probes of generation {generation}.", generation)
        self._write(generation, Version(files, [parent], generation + 1, "harness", state.settings.agent, reason))

    def _write(self, generation: int, version: Version) -> None:
        self.repository.write(version)
        event, contents = harness_written(version, self._text("strength", version.number) if generation else "the seed")
        self.append(generation, event, contents=contents)

    def _stream(self, generation: int, payload: t.Payload, contents: list[bytes]) -> None:
        self._waiting.append((payload, contents))
        if len(self._waiting) >= self._group:
            self._flush(generation)

    def _flush(self, generation: int) -> None:
        waiting, self._waiting = self._waiting, []
        contents = [content for _, group in waiting for content in group]
        if waiting:
            self.append(generation, *(payload for payload, _ in waiting), contents=contents)

    def _all_cases(self) -> list[Case]:
        if not self._cases:
            state = self.state
            sizes = {"val": state.domain.counts["val"], "train": state.settings.train_sample}
            for i, split in enumerate(split for split, size in sizes.items() for _ in range(size)):
                case = self._text(f"case-{i:06}", i) if i < len(SPECIMENS) else f"case-{i:06}"
                seed = derive(state.root_seed, "instance", case, 0)
                self._cases.append(Case(split, case, seed, random.Random(seed).random()))
        return self._cases

    def _draw(self, *purpose: str | int) -> random.Random:
        return random.Random(derive(self.state.root_seed, *purpose))

    def _params(self, number: int) -> dict[str, bytes]:
        values: Mapping[str, Value] = {"method": "rules" if number == 1 else "linear", "strength": number / 4}
        return {"params.toml": dump_params(values)}

    @property
    def _hostile(self) -> bool:
        return self.state.domain.name == HOSTILE

    def _text(self, text: str, i: int) -> str:
        """`text`, and in a hostile run a specimen after it."""
        return f"{text} {list(SPECIMENS.values())[i % len(SPECIMENS)]}" if self._hostile else text

    def _answer(self, i: int, label: int) -> str:
        if self._hostile and i == len(SPECIMENS):
            return LOGS["long-line"].decode()
        return self._text(f"class {label:02}", i)

    def _log(self, i: int, case: Case, generation: int) -> bytes:
        if self._hostile and i < len(LOGS):
            return list(LOGS.values())[i]
        return self._text(f"generation {generation}\nread {case.id}\nno class is near", i).encode()


HOSTILE = "hostile"
"""The domain of runs with hostile text."""
_PREPARED = b"fitted on 4000 cases\n"


def _val(found: dict[Key, t.InstanceFinished]) -> dict[Row, float]:
    return {(instance, repeat): result.score for (split, instance, repeat), result in found.items() if split == "val"}
