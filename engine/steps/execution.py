"""Execution: a candidate answers all of `val` and a sample of `train`.

The sample is kept out of what the harness may learn from, so that its scores are honest and its failures worth
reading. Results that the lineage already holds (same harness, weights, instance, repeat, seed and training set) are
reused. Where the verifier is noisy the incumbent is executed beside the candidate, in turns.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from msgspec.structs import replace

from domains.contract import Grade, Instance
from engine.core import results
from engine.evaluation import answer_codec
from engine.evaluation.evaluate import evaluate
from engine.evaluation.interleave import turns
from engine.evaluation.trial import Answer, Trial, trials
from engine.events import blobs
from engine.events import types as t
from engine.run.session import Run
from engine.sandbox import Prepared
from engine.seeds import sample
from engine.steps import evaluations

_LOG_LIMIT = 64 << 10


async def execute(run: Run, generation: int) -> None:
    """Appends `instance.finished` for every trial that this generation lacks, then `execution.finished`."""
    started = time.monotonic()
    settings, candidate = run.state.set, run.state.of(generation).candidate
    repeats = range(settings.repeats)
    if settings.noisy:
        repeats = range((generation - 1) * settings.repeats, generation * settings.repeats)
    material, sampled = divide(await run.domain.train(), settings, run.state.root_seed)
    val = trials("val", await run.ports.grader.instances("val"), repeats, run.state.root_seed)
    seen = trials("train", sampled, repeats, run.state.root_seed)

    incumbent = run.state.incumbent
    other = run.state.of(incumbent).candidate if settings.noisy and incumbent is not None else None
    if other is not None:
        for arm, some in turns(val):
            await _arm(run, generation, candidate if arm == "candidate" else other, some, material)
    await _arm(run, generation, candidate, [*val, *seen], material)
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
            private=results.private_check_on(found, "val"),
        ),
    )


def divide(train: Sequence[Instance], settings: t.Settings, root_seed: int) -> tuple[list[Instance], list[Instance]]:
    """What a harness learns from before an Execution, and the sample of `train` that it then has to answer."""
    held_out = set(sample((item.id for item in train), settings.train_sample, root_seed, "train sample"))
    return [item for item in train if item.id not in held_out], [item for item in train if item.id in held_out]


async def _arm(
    run: Run, generation: int, candidate: t.Candidate, todo: Sequence[Trial], material: Sequence[Instance]
) -> None:
    """Appends the results of `candidate` for those of `todo` that this generation lacks: reused, or evaluated now."""
    evaluation = evaluations.of_candidate(run, candidate, material)
    have = run.results.of(generation, candidate)
    missing = [trial for trial in todo if (trial.split, trial.instance, trial.repeat) not in have]
    remembered = run.reuse.results(candidate, evaluation.prepared)
    fresh: list[Trial] = []
    for trial in missing:
        known = remembered.get((trial.split, trial.instance, trial.repeat, trial.seed))
        if known is None:
            fresh.append(trial)
        else:
            run.stream(generation, replace(known, reused=True), [])
    run.flush()
    if not fresh:
        return

    def on_prepared(prepared: Prepared) -> None:
        name, contents = _log_blob(prepared.log)
        failure = prepared.failure
        cpu_s, wall_s = round(prepared.cpu_s, 3), round(prepared.wall_s, 3)
        event = t.HarnessPrepared(candidate.harness, cpu_s, wall_s, failure, name)
        run.append(generation, event, contents=contents, durable=False)

    async for answer, grade in evaluate(evaluation, fresh, on_prepared):
        payload, contents = _result(candidate, evaluation.prepared, answer, grade)
        run.stream(generation, payload, contents)
    run.flush()


def _result(
    candidate: t.Candidate, prepared: str, answer: Answer, grade: Grade
) -> tuple[t.InstanceFinished, list[bytes]]:
    trial = answer.trial
    stored, contents = ("", []) if answer.failure else answer_codec.pack(answer.value)
    log, log_contents = _log_blob(answer.log)
    result = t.InstanceFinished(
        harness=candidate.harness,
        weights=candidate.weights,
        split=trial.split,
        instance=trial.instance,
        repeat=trial.repeat,
        seed=trial.seed,
        prepared=prepared,
        score=grade.score,
        answer=stored,
        honest=grade.honest,
        floor=grade.floor,
        refused=grade.refused,
        measures=dict(grade.measures),
        detail=grade.detail if trial.split == "train" else "",  # a detail may tell the label
        failure=answer.failure,
        cpu_s=round(answer.cpu_s, 4),
        wall_s=round(answer.wall_s, 4),
        log=log,
    )
    return result, contents + log_contents


def _log_blob(log: str) -> tuple[str, list[bytes]]:
    """The name of a log's beginning, and its contents; nothing for an empty one."""
    text = log.encode("utf-8", "surrogatepass")[:_LOG_LIMIT]
    return (blobs.digest(text), [text]) if text else ("", [])
