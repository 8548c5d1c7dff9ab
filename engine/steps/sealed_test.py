"""Unsealing the test split: the incumbent, prepared on train and val together, beside baselines given the same.

The step's start is already a reading: a process that dies after it may have seen the answers.
"""

from __future__ import annotations

import msgspec

from engine.core import results
from engine.core.gate import mean
from engine.evaluation import answer_codec, majority_vote
from engine.evaluation.evaluate import Answered, tasks
from engine.evaluation.judge import graded_baselines, judge_for
from engine.events import blobs
from engine.events import types as t
from engine.run.session import Run


async def unseal(run: Run, generation: int) -> None:
    """Appends `test.unsealed` for the incumbent."""
    state, grader = run.state, run.ports.grader
    if state.incumbent is None:
        raise AssertionError("only a run with an incumbent is tested")
    before = state.unsealed - 1
    candidate = state.of(state.incumbent).candidate
    instances = await grader.instances("test")
    rows: list[Answered] = [
        answer_codec.light(row)
        async for row in majority_vote.answered(
            run,
            run.versions.harness(state.versions[state.incumbent]),
            tasks("test", instances, range(1), state.root_seed),
            train=run.domain.learns(await grader.labelled()),
            candidate=candidate,
        )
    ]
    by_id = {row.task.instance: row for row in rows}
    ordered = [by_id[item.id] for item in instances]
    summary = await grader.summarise(
        "test", [(row.task.instance, answer_codec.whole(row.answer), row.grade) for row in ordered]
    )
    baselines = await graded_baselines(grader, judge_for(run.callers.judge, run.state.root_seed), "test")
    recorded = msgspec.json.encode(
        [
            [row.task.instance, row.grade.score, answer_codec.short(row.answer), *results.told(row.grade)]
            for row in ordered
        ]
    )
    run.append(
        generation,
        t.TestUnsealed(
            harness=candidate.harness,
            weights=candidate.weights,
            score=mean([row.grade.score for row in ordered]),
            macro=summary.macro,
            subsets=[_subset(name, [by_id[one].grade.score for one in ids]) for name, ids in summary.subsets.items()],
            baselines={name: mean([grade.score for grade in grades]) for name, grades in baselines.items()},
            failures=results.count_failures(row.failure for row in ordered),
            answers=blobs.digest(recorded),
            unsealed_before=before,
            private=results.private([row.grade for row in ordered]),
            private_of_baselines=results.private_by_name(baselines),
        ),
        contents=[recorded],
    )


def _subset(name: str, scores: list[float]) -> t.Subset:
    score = mean(scores)
    return t.Subset(name, score.score, score.se, score.n)
