"""The lab: proposals tried on a fold of `train` that they may not learn from, each an event, within the budget.

The fold is a function of the run's seed, so that all probes of a run can be compared with each other. Probes of one
round run side by side, and are recorded in the order in which they were asked.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

import msgspec

from engine.agents.protocol import Ask
from engine.events import blobs
from engine.events import types as t
from engine.loop import answers, budget
from engine.loop.answering import answer_all, tasks
from engine.loop.gate import mean
from engine.loop.run import Run
from engine.seeds import sample
from harness_repo.harness import Harness


class FoldLab:
    """Tries proposals for one Improvement; what this generation has already tried is not tried again."""

    def __init__(self, run: Run, generation: int, attempt: int, base: Harness) -> None:
        self._run = run
        self._generation = generation
        self._attempt = attempt
        self._base = base

    async def probe(self, asks: Sequence[Ask]) -> list[t.ProbeFinished]:
        """The results in the order of `asks`; fewer where the evaluations do not suffice."""
        run, settings = self._run, self._run.state.set
        fold = sample((item.id for item in await run.train()), settings.probe_fold, settings.seed, "probe fold")
        cost = len(fold) * settings.repeats
        left = budget.affordable_evaluations(run.state)
        place = asyncio.Semaphore(run.ports.workers)
        recorded = {
            (probe.ordinal, _key(probe.params)): probe
            for probe in run.probes
            if (probe.generation, probe.attempt) == (self._generation, self._attempt)
        }
        done: list[t.ProbeFinished] = []
        trials: list[asyncio.Task[tuple[t.ProbeFinished, bytes]] | t.ProbeFinished] = []
        try:
            for ask in asks:
                known = recorded.get((ask.ordinal, _key(self._base.params | dict(ask.params))))
                if known is not None:
                    trials.append(known)
                elif left is None or left >= cost:
                    left = left if left is None else left - cost
                    trials.append(asyncio.create_task(self._try(ask, fold, place)))
            for trial in trials:
                if isinstance(trial, asyncio.Task):
                    finished, items = await trial
                    run.append(self._generation, finished, contents=[items])
                else:
                    finished = trial
                done.append(finished)
        finally:
            rest = [trial for trial in trials if isinstance(trial, asyncio.Task)]
            for task in rest:
                task.cancel()
            await asyncio.gather(*rest, return_exceptions=True)
        return done

    async def _try(self, ask: Ask, fold: Sequence[str], place: asyncio.Semaphore) -> tuple[t.ProbeFinished, bytes]:
        run, settings = self._run, self._run.state.set
        harness = self._base.with_params(ask.params)
        held_out = set(fold)
        train = await run.train()
        todo = tasks("train", [item for item in train if item.id in held_out], range(settings.repeats), settings.seed)
        learn = [item for item in train if item.id not in held_out]
        failure: t.Failure | None = None
        prepare_cpu = 0.0

        def on_prepared(cpu_s: float, wall_s: float, broken: t.Failure | None, log: str) -> None:
            nonlocal failure, prepare_cpu
            failure, prepare_cpu = broken, cpu_s

        async with place:
            started = time.monotonic()
            rows = [
                answered
                async for answered in answer_all(
                    run.ports,
                    harness,
                    todo,
                    train=learn,
                    seed=settings.seed,
                    workers=1,
                    limits=run.ports.grader.folder.spec.limits,
                    on_prepared=on_prepared,
                )
            ]
        rows.sort(key=lambda row: (row.task.instance, row.task.repeat))
        items = msgspec.json.encode(
            [[row.task.instance, row.grade.score, answers.pack(row.answer)[0][: answers.INLINE]] for row in rows]
        )
        finished = t.ProbeFinished(
            generation=self._generation,
            attempt=self._attempt,
            ordinal=ask.ordinal,
            why=ask.why,
            params={**harness.params},
            fold=f"{len(fold)} of train",
            score=mean([row.grade.score for row in rows]),
            evaluations=len(rows),
            cpu_s=round(prepare_cpu + sum(row.cpu_s for row in rows), 3),
            wall_s=run.elapsed(started),
            items=blobs.digest(items),
            failure=failure or next((row.failure for row in rows if row.failure), None),
        )
        return finished, items


def _key(params: dict[str, bool | int | float | str]) -> bytes:
    return msgspec.json.encode(dict(sorted(params.items())))
