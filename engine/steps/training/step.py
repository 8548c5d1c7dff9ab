"""The training step: rounds of rollouts and learning, with a checkpoint after each, then an adapter.

    the harness answers train instances -> rewards -> the policy learns -> checkpoint -> next round, or the adapter

A training that the lineage has recorded is reused.
"""

from __future__ import annotations

import contextlib
import hashlib
import math
import resource
import shutil
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from domains.contract import Instance
from engine.core import budget
from engine.events import types as t
from engine.events.histogram import bin_counts
from engine.events.storage import blobs
from engine.failure import StepFailure
from engine.models.protocol import Model, Reply, Request
from engine.plain import plural
from engine.run.live_run import Run
from engine.steps.training.monitor import Collapse, Rollout, find_collapse, is_saturated, summarize
from engine.steps.training.plan import TrainingPlan, make_plan
from engine.steps.training.rollouts import Generate, roll_out
from engine.usage import Usage
from engine.weights.client import Trainer, TrainerFailed, open_trainer
from engine.weights.sample import Call, Sample

CHECKPOINTS = 2
"""Checkpoints kept: the last one, and the one before it, to which a collapse may return."""
REPORT_S = 1.0


async def train(run: Run, generation: int, analysis: t.AnalysisFinished) -> None:
    """Appends `weights.trained`, or `improvement.failed` with the reason."""
    plan = await make_plan(run, generation, analysis)
    if (known := run.reuse.adapter(plan.key)) is not None:
        again = replace(known, reason=analysis.reason, cpu_s=0.0, wall_s=0.0, reused=True)
        run.append(generation, again)
        return
    training = _Training(run, plan)
    try:
        trained = await training.run(analysis.reason)
    except TrainerFailed as error:
        raise StepFailure(t.Failure(error.kind, str(error))) from None
    run.append(generation, trained)
    shutil.rmtree(plan.folder, ignore_errors=True)


class _Training:
    """A training in progress: its rounds' measures, and what it reports."""

    def __init__(self, run: Run, plan: TrainingPlan) -> None:
        self._run, self._plan = run, plan
        self._began, self._cpu = time.monotonic(), _children_cpu_s()
        done = {one.round: one for one in run.effects.checkpoints if one.key == plan.key}
        found = max((n for n, one in done.items() if _digest(self._state(n)) == one.state), default=0)
        self._rounds = [dict(done[n].measures) for n in range(1, found + 1)]
        self._tokens, self._round_s = 0, 0.0
        self._reported_at, self._values, self._rolled = 0.0, dict[str, float](), 0
        self._end_reason, self._collapse, self._facts = "", "", dict[str, Any]()

    def _state(self, number: int) -> Path:
        return self._plan.folder / str(number)

    async def run(self, reason: str) -> t.WeightsTrained | t.ImprovementFailed:
        """Trains until all rounds are done, the budget is used up, nothing is left to learn, or training collapses."""
        async with self._trainer(len(self._rounds)) as trainer:
            lost = await self._run_rounds(trainer)
            kept = len(self._rounds) if lost is None else max(0, lost.keep)
            if lost is None and kept:
                return await self._export(trainer, kept, reason)
        if not kept:
            return t.ImprovementFailed(f"training made no adapter: {lost.reason if lost else self._end_reason}")
        self._collapse, self._end_reason = lost.reason if lost else "", f"collapsed after round {kept}"
        async with self._trainer(kept) as trainer:
            return await self._export(trainer, kept, reason)

    @contextlib.asynccontextmanager
    async def _trainer(self, after: int) -> AsyncIterator[Trainer]:
        plan = self._plan
        start = self._run.ports.folder / "adapters" / plan.parent if plan.parent else None
        state = self._state(after) if after else None
        setting = self._run.state.settings.trainer
        async with open_trainer(
            plan.checkpoint, plan.recipe, plan.seed, start=start, state=state, trainer=setting
        ) as trainer:
            self._facts = trainer.facts
            yield trainer

    async def _run_rounds(self, trainer: Trainer) -> Collapse | None:
        """Runs the remaining rounds; returns the collapse, if there was one."""
        plan, run = self._plan, self._run
        for number in range(len(self._rounds) + 1, plan.recipe.rounds + 1):
            chosen, learn = plan.round(number, learns=run.ports.grader.folder.spec.learns)
            if why := self._over_budget(len(chosen) * plan.recipe.samples):
                self._end_reason = why
                return None
            began = time.monotonic()
            rollouts, usage = await self._roll_out(trainer, number, chosen, learn)
            values = summarize(rollouts)
            self._report(values, now=True)
            if (lost := find_collapse([*self._rounds, values])) is not None:
                return lost
            if not any(one.calls for one in rollouts):
                self._end_reason = "the harness does not sample text from its model, so there is nothing to train"
                return None
            if is_saturated(values):
                self._end_reason = f"every rollout of round {number} was right: there is nothing left to learn"
                return None
            samples = [_sample(one) for one in rollouts]
            learnt = await trainer.learn(number, samples, self._report)
            values = learnt | values
            self._report(values, now=True)
            if (lost := find_collapse([*self._rounds, values])) is not None:
                return lost
            self._tokens, self._round_s = usage.input + usage.output, time.monotonic() - began
            await self._checkpoint(trainer, number, rollouts, values, usage)
        self._end_reason = (
            f"all {plural(plan.recipe.rounds, 'round')} are done" if plan.recipe.rounds > 1 else "the one round is done"
        )
        return None

    async def _roll_out(
        self, trainer: Trainer, number: int, chosen: Sequence[Instance], learn: Sequence[Instance]
    ) -> tuple[list[Rollout], Usage]:
        run, plan = self._run, self._plan
        seen: list[float] = []

        def done(rollout: Rollout) -> None:
            seen.append(rollout.reward)
            self._rolled += 1
            self._report({"rollouts": float(len(seen)), "reward_so_far": sum(seen) / len(seen)})

        return await roll_out(
            run,
            run.versions.harness(run.state.version(plan.harness)),
            chosen,
            learn,
            recipe=plan.recipe,
            generate=await self._policy(trainer),
            place=f"rollout/{plan.generation}/{number}",
            done=done,
        )

    async def _policy(self, trainer: Trainer) -> Generate:
        """How rollouts are generated: by the trainer, or by a server that loads each round's adapter."""
        served = self._run.ports.task_model
        if served is None or not self._run.state.settings.model.startswith("vllm:"):
            return trainer.generate
        adapter = self._plan.parent
        if self._rounds:
            adapter = await trainer.export(self._run.ports.folder / "adapters", self._lineage(len(self._rounds)))
        return _server_generate(served.model, adapter)

    async def _checkpoint(
        self, trainer: Trainer, number: int, rollouts: Sequence[Rollout], values: dict[str, float], usage: Usage
    ) -> None:
        plan, folder = self._plan, self._state(number)
        shutil.rmtree(folder, ignore_errors=True)  # left by an engine that died before the append
        folder.parent.mkdir(parents=True, exist_ok=True)
        await trainer.save(folder)
        rows = [[one.instance, one.sample, one.reward, one.answer, one.calls] for one in rollouts]
        samples = msgspec.json.encode(rows)
        event = t.TrainingCheckpointed(
            key=plan.key,
            round=number,
            state=_digest(folder),
            policy=await trainer.policy(),
            samples=blobs.digest(samples),
            measures=values,
            rewards=bin_counts([one.reward for one in rollouts]),
            usage=usage,
            trainer=self._facts.get("trainer", ""),
        )
        self._run.append(plan.generation, event, contents=[samples])
        self._rounds.append(values)
        shutil.rmtree(self._state(number - CHECKPOINTS), ignore_errors=True)

    async def _export(self, trainer: Trainer, kept: int, reason: str) -> t.WeightsTrained:
        run, plan = self._run, self._plan
        adapter = await trainer.export(run.ports.folder / "adapters", self._lineage(kept))
        await trainer.close()
        size = len(plan.round(1, learns=run.ports.grader.folder.spec.learns)[0]) * plan.recipe.samples
        return t.WeightsTrained(
            number=plan.generation + 1,
            harness=plan.harness,
            adapter=adapter,
            base=plan.base,
            parent=plan.parent,
            algorithm=plan.recipe.algorithm,
            recipe=msgspec.to_builtins(plan.recipe),
            key=plan.key,
            rounds=kept,
            ended=self._end_reason,
            collapse=self._collapse,
            author=run.ports.agent.name,
            reason=reason,
            measures=self._rounds[kept - 1],
            facts={**self._facts, "seed": plan.seed},
            evaluations=len(self._rounds) * size,
            cpu_s=round(_children_cpu_s() - self._cpu, 1),
            wall_s=round(time.monotonic() - self._began, 3),
        )

    def _lineage(self, rounds: int) -> dict[str, Any]:
        plan = self._plan
        return {"key": plan.key, "parent": plan.parent, "harness": plan.harness, "rounds": rounds, "base": plan.base}

    def _over_budget(self, rollouts: int) -> str:
        """Why the budget allows no further round, or "": the Execution after the training must be paid for, too."""
        state = self._run.state
        left = budget.affordable_evaluations(state)
        if left is not None and left < rollouts:
            rest = plural(left, "evaluation")
            return f"the budget leaves {rest} before the next execution, and a round needs {rollouts}"
        caps, last = budget.spending(state), state.of(self._plan.generation).execution
        waits = (self._round_s + (last.wall_s if last else 0.0)) / 60
        for name, need in (("minutes", waits), ("tokens", float(self._tokens))):
            now, cap = caps.get(name, (0.0, float("inf")))
            if now + need > cap:
                return f"the budget of {cap:g} {name} allows no further round"
        return ""

    def _report(self, values: dict[str, float], *, now: bool = False) -> None:
        """Appends the measures of training, at most once a second; values in between go into the next event.

        NaN and infinity are left out: an event holds numbers. `find_collapse` sees them.
        """
        self._values |= {name: value for name, value in values.items() if math.isfinite(value)}
        if not now and time.monotonic() - self._reported_at < REPORT_S:
            return
        generation, number = self._plan.generation, len(self._rounds) + 1
        event = t.TrainingProgress(
            self._run.effects.reports(generation) + 1, self._values, round=number, evaluations=self._rolled
        )
        self._run.append(generation, event, durable=False)
        self._reported_at, self._values, self._rolled = time.monotonic(), {}, 0


def _server_generate(model: Model, adapter: str | None) -> Generate:
    async def generate(requests: Sequence[Request]) -> list[Reply]:
        import asyncio

        return list(await asyncio.gather(*(model.chat(replace(request, adapter=adapter)) for request in requests)))

    return generate


def _sample(one: Rollout) -> Sample:
    calls = [Call(prompt, tokens) for prompt, tokens in one.calls]
    return Sample(one.instance, one.sample, one.reward, calls, one.label)


def _digest(folder: Path) -> str:
    """SHA-256 over the names and contents of all files in `folder`; empty if the folder is missing."""
    if not folder.is_dir():
        return ""
    total = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            with path.open("rb") as file:
                content = hashlib.file_digest(file, "sha256").digest()
            total.update(path.relative_to(folder).as_posix().encode() + b"\0" + content)
    return total.hexdigest()


def _children_cpu_s() -> float:
    """CPU seconds of all child processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
