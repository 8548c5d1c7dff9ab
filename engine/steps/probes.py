"""The lab: proposals tried on a fold of `train` that they may not learn from, each an event, within the budget.

The fold is a function of the run's seed, so that all probes of a run can be compared with each other. Probes of one
round run side by side, and are recorded in the order in which they were asked.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from domains.contract import Instance
from engine.agents.protocol import Ask
from engine.core import budget
from engine.core.gate import mean
from engine.core.results import private, told
from engine.evaluation import answer_codec
from engine.evaluation.evaluate import Task, answer_all, prepared_on, tasks
from engine.evaluation.judge import judge_for
from engine.evaluation.model_broker import broker_for
from engine.events import blobs
from engine.events import types as t
from engine.run.session import Run
from engine.seeds import sample
from harness_repo.harness import Harness


class Fold(msgspec.Struct, frozen=True):
    """What a probe answers, and what its harness may learn from."""

    todo: list[Task]
    learn: list[Instance]
    weights: str | None = None

    def key(self, harness: Harness) -> str:
        """The name of everything that the result of a probe depends on."""
        files = {path: blobs.digest(content) for path, content in harness.files.items()}
        asked = [(task.instance, task.repeat, task.seed) for task in self.todo]
        parts = [files, asked, prepared_on(self.learn), *([self.weights] if self.weights else [])]
        return blobs.digest(msgspec.json.encode(parts, order="deterministic"))


class NoLab:
    """The lab before there is a candidate."""

    async def probe(self, asks: Sequence[Ask]) -> list[t.ProbeFinished]:
        """No results."""
        return []


class FoldLab:
    """Tries proposals for one Improvement. What the lineage has already tried is taken over, not tried again."""

    def __init__(self, run: Run, generation: int, attempt: int, base: Harness) -> None:
        self._run = run
        self._generation = generation
        self._attempt = attempt
        self._base = base

    async def probe(self, asks: Sequence[Ask]) -> list[t.ProbeFinished]:
        """The results in the order of `asks`; fewer where the evaluations do not suffice."""
        run = self._run
        fold = await self._fold()
        left = budget.affordable_evaluations(run.state)
        place = asyncio.Semaphore(run.ports.workers)
        here = {
            (probe.ordinal, probe.key): probe
            for probe in run.effects.probes
            if (probe.generation, probe.attempt) == (self._generation, self._attempt)
        }
        trials: list[asyncio.Task[tuple[t.ProbeFinished, bytes]] | tuple[t.ProbeFinished, bytes]] = []
        done: list[t.ProbeFinished] = []
        try:
            for ask in asks:
                harness = self._base.with_params(ask.params)
                key = fold.key(harness)
                if (finished := here.get((ask.ordinal, key))) is not None:
                    trials.append((finished, b""))
                    continue
                if left is not None and left < len(fold.todo):
                    break
                left = None if left is None else left - len(fold.todo)
                if (known := run.reuse.probe(key)) is not None:
                    trials.append((self._again(known, ask), b""))
                else:
                    trials.append(asyncio.create_task(self._try(ask, harness, fold, place)))
            for trial in trials:
                finished, items = await trial if isinstance(trial, asyncio.Task) else trial
                if (finished.ordinal, finished.key) not in here:
                    run.append(self._generation, finished, contents=[items] if items else [])
                done.append(finished)
        finally:
            rest = [trial for trial in trials if isinstance(trial, asyncio.Task)]
            for task in rest:
                task.cancel()
            await asyncio.gather(*rest, return_exceptions=True)
        return done

    async def _fold(self) -> Fold:
        run, settings = self._run, self._run.state.set
        train, seed = await run.domain.train(), run.state.root_seed
        held_out = set(sample((item.id for item in train), settings.probe_fold, seed, "probe fold"))
        todo = tasks("train", [item for item in train if item.id in held_out], range(settings.repeats), seed)
        learn = run.domain.learns([item for item in train if item.id not in held_out])
        return Fold(todo=todo, learn=learn, weights=run.state.weights)

    def _again(self, known: t.ProbeFinished, ask: Ask) -> t.ProbeFinished:
        return replace(
            known,
            generation=self._generation,
            attempt=self._attempt,
            ordinal=ask.ordinal,
            why=ask.why,
            reused=True,
        )

    async def _try(
        self, ask: Ask, harness: Harness, fold: Fold, place: asyncio.Semaphore
    ) -> tuple[t.ProbeFinished, bytes]:
        run = self._run
        failure: t.Failure | None = None
        prepare_cpu = 0.0

        def on_prepared(cpu_s: float, wall_s: float, broken: t.Failure | None, log: str) -> None:
            nonlocal failure, prepare_cpu
            failure, prepare_cpu = broken, cpu_s

        async with place:
            started = time.monotonic()
            rows = [
                answer_codec.light(answered)
                async for answered in answer_all(
                    run.ports,
                    harness,
                    fold.todo,
                    train=fold.learn,
                    seed=run.state.root_seed,
                    workers=1,
                    limits=run.ports.grader.folder.spec.limits,
                    broker=broker_for(run.callers.task, run.state.root_seed, adapter=fold.weights),
                    judge=judge_for(run.callers.judge, run.state.root_seed),
                    on_prepared=on_prepared,
                )
            ]
        rows.sort(key=lambda row: (row.task.instance, row.task.repeat))
        items = msgspec.json.encode(
            [[row.task.instance, row.grade.score, answer_codec.short(row.answer), *told(row.grade)] for row in rows]
        )
        check = private([row.grade for row in rows])
        finished = t.ProbeFinished(
            generation=self._generation,
            attempt=self._attempt,
            ordinal=ask.ordinal,
            why=ask.why,
            params={**self._base.params, **ask.params},
            fold=f"{len(fold.todo)} of train",
            score=mean([row.grade.score for row in rows]),
            evaluations=len(rows),
            cpu_s=round(prepare_cpu + sum(row.cpu_s for row in rows), 3),
            wall_s=round(time.monotonic() - started, 3),
            key=fold.key(harness),
            items=blobs.digest(items),
            failure=failure or next((row.failure for row in rows if row.failure), None),
            refused=check is not None and not check.passed,
            weights=fold.weights,
        )
        return finished, items
