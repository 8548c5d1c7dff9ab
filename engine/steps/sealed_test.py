"""The sealed test: the incumbent, prepared on train and val together, beside baselines that learn from the same data.

The start of the step already counts as a read of the test: a process that dies later may have seen the answers.
"""

from __future__ import annotations

import msgspec

from engine.core import results
from engine.core.gate import mean
from engine.evaluation import answer_codec
from engine.evaluation.baselines import graded_baselines
from engine.evaluation.evaluate import evaluate
from engine.evaluation.trial import GradedAnswer, trials
from engine.events import types as t
from engine.events.storage import blobs
from engine.run.live_run import Run
from engine.steps import evaluations


async def unseal(run: Run, generation: int) -> None:
    """Appends `test.unsealed` for the incumbent."""
    state, grader = run.state, run.ports.grader
    if state.incumbent is None:
        raise AssertionError("only a run with an incumbent is tested")
    before = state.unsealed - 1
    candidate = state.of(state.incumbent).candidate
    evaluation = evaluations.of_candidate(run, candidate, await grader.labelled())
    instances = await grader.instances("test")
    todo = trials("test", instances, range(1), state.root_seed)
    found = [GradedAnswer(answer_codec.drop_large(answer), grade) async for answer, grade in evaluate(evaluation, todo)]
    by_id = {answer.trial.instance: (answer, grade) for answer, grade in found}
    ordered = [by_id[item.id] for item in instances]
    grades = [grade for _, grade in ordered]
    summary = await grader.summarise(
        "test", [(answer.trial.instance, answer_codec.kept_value(answer.value), grade) for answer, grade in ordered]
    )
    baselines = await graded_baselines(evaluations.grading(run), "test")
    recorded = msgspec.json.encode(
        [
            [answer.trial.instance, grade.score, answer_codec.excerpt(answer.value), *results.private_columns(grade)]
            for answer, grade in ordered
        ]
    )
    run.append(
        generation,
        t.TestUnsealed(
            harness=candidate.harness,
            weights=candidate.weights,
            score=mean([grade.score for grade in grades]),
            macro=summary.macro,
            subsets=[_subset(name, [by_id[one][1].score for one in ids]) for name, ids in summary.subsets.items()],
            baselines={name: mean([grade.score for grade in grades]) for name, grades in baselines.items()},
            failures=results.count_failures(answer.failure for answer, _ in ordered),
            answers=blobs.digest(recorded),
            unsealed_before=before,
            private=results.private_check(grades),
            private_of_baselines=results.private_checks(baselines),
        ),
        contents=[recorded],
    )


def _subset(name: str, scores: list[float]) -> t.Subset:
    score = mean(scores)
    return t.Subset(name, score.score, score.se, score.n)
