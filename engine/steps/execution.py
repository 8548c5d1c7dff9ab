"""Execution: a candidate answers all of `val` and a sample of `train`.

The sample is kept out of what the harness may learn from, so that its scores are honest and its failures worth
reading. What the lineage already holds (same harness, weights, instance, repeat, seed and learning material) is
taken over, not done again. Where the verifier is noisy the incumbent is executed beside the candidate, in turns.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from msgspec.structs import replace

from domains.contract import Instance
from engine.core import results
from engine.evaluation import answer_codec, majority_vote
from engine.evaluation.evaluate import Answered, Task, prepared_on, tasks
from engine.evaluation.interleave import turns
from engine.events import blobs
from engine.events import types as t
from engine.run.session import Run
from engine.seeds import sample

_LOG_LIMIT = 64 << 10


async def execute(run: Run, generation: int) -> None:
    """Appends `instance.finished` for every unit that this generation lacks, then `execution.finished`."""
    started = time.monotonic()
    settings, candidate = run.state.set, run.state.of(generation).candidate
    repeats = range(settings.repeats)
    if settings.noisy:
        repeats = range((generation - 1) * settings.repeats, generation * settings.repeats)
    learn, sampled = divide(await run.domain.train(), settings, run.state.root_seed)
    learn = run.domain.learns(learn)
    val = tasks("val", await run.ports.grader.instances("val"), repeats, run.state.root_seed)
    seen = tasks("train", sampled, repeats, run.state.root_seed)

    incumbent = run.state.incumbent
    other = run.state.of(incumbent).candidate if settings.noisy and incumbent is not None else None
    if other is not None:
        for arm, some in turns(val):
            await _arm(run, generation, candidate if arm == "candidate" else other, some, learn)
    await _arm(run, generation, candidate, [*val, *seen], learn)
    rival = None
    if other is not None:
        rival = results.scores(run.results.of(generation, other)).get("val")

    found = run.results.of(generation, candidate)
    reused = sum(result.reused for result in found.values())
    run.append(
        generation,
        t.ExecutionFinished(
            scores=results.scores(found),
            digest=results.digest(found),
            failures=results.count_failures(result.failure for result in found.values()),
            evaluations=len(found) - reused,
            reused=reused,
            wall_s=round(time.monotonic() - started, 3),
            incumbent=rival,
            private=results.private_of(found, "val"),
        ),
    )


def divide(train: Sequence[Instance], settings: t.Settings, root_seed: int) -> tuple[list[Instance], list[Instance]]:
    """What a harness learns from before an Execution, and the sample of `train` that it then has to answer."""
    held_out = set(sample((item.id for item in train), settings.train_sample, root_seed, "train sample"))
    return [item for item in train if item.id not in held_out], [item for item in train if item.id in held_out]


async def _arm(
    run: Run, generation: int, candidate: t.Candidate, todo: Sequence[Task], learn: Sequence[Instance]
) -> None:
    prepared = majority_vote.prepared(prepared_on(learn), candidate)
    have = run.results.of(generation, candidate)
    todo = [task for task in todo if (task.split, task.instance, task.repeat) not in have]
    known = run.reuse.results(candidate, prepared)
    for task in todo:
        result = known.get((task.split, task.instance, task.repeat, task.seed))
        if result is not None:
            run.stream(generation, replace(result, reused=True), [])
    run.flush()
    have = run.results.of(generation, candidate)
    todo = [task for task in todo if (task.split, task.instance, task.repeat) not in have]
    if not todo:
        return
    harness = run.versions.harness(run.state.version(candidate.harness))

    def on_prepared(cpu_s: float, wall_s: float, failure: t.Failure | None, log: str) -> None:
        text = log.encode("utf-8", "surrogatepass")[:_LOG_LIMIT]
        name, contents = _log_blob(text)
        event = t.HarnessPrepared(candidate.harness, round(cpu_s, 3), round(wall_s, 3), failure, name)
        run.append(generation, event, contents=contents, durable=False)

    async for answered in majority_vote.answered(
        run, harness, todo, train=learn, candidate=candidate, on_prepared=on_prepared
    ):
        payload, contents = _result(candidate, prepared, answered)
        run.stream(generation, payload, contents)
    run.flush()


def _result(candidate: t.Candidate, prepared: str, answered: Answered) -> tuple[t.InstanceFinished, list[bytes]]:
    task, grade = answered.task, answered.grade
    stored, contents = ("", []) if answered.failure else answer_codec.pack(answered.answer)
    log, log_contents = _log_blob(answered.log.encode("utf-8", "surrogatepass")[:_LOG_LIMIT])
    result = t.InstanceFinished(
        harness=candidate.harness,
        weights=candidate.weights,
        split=task.split,
        instance=task.instance,
        repeat=task.repeat,
        seed=task.seed,
        prepared=prepared,
        score=grade.score,
        answer=stored,
        honest=grade.honest,
        floor=grade.floor,
        refused=grade.refused,
        measures=dict(grade.measures),
        detail=grade.detail if task.split == "train" else "",  # a detail may tell the label
        failure=answered.failure,
        cpu_s=round(answered.cpu_s, 4),
        wall_s=round(answered.wall_s, 4),
        log=log,
    )
    return result, contents + log_contents


def _log_blob(text: bytes) -> tuple[str, list[bytes]]:
    return (blobs.digest(text), [text]) if text else ("", [])
