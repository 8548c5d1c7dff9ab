"""The sealed test: the incumbent, prepared on train and val together, beside baselines that learn from the same data.

The start of the step already counts as a read of the test: a process that dies later may have seen the answers.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from domains.contract import Grade
from engine.core import results, units
from engine.evaluation import answer_codec
from engine.evaluation.baselines import graded_baselines
from engine.evaluation.evaluate import evaluate
from engine.evaluation.trial import GradedAnswer, trials
from engine.events import readings
from engine.events import types as t
from engine.events.storage import blobs
from engine.run.live_run import Run
from engine.steps import evaluations


async def unseal(run: Run, generation: int) -> None:
    """Appends `test.unsealed` for the incumbent."""
    state, grader = run.state, run.ports.grader
    if state.incumbent is None:
        raise AssertionError("only a run with an incumbent is tested")
    digest, this = state.domain.digest, readings.name_of(state.hash)  # the last event is the start of this step
    earlier = readings.known(run.log.reader, digest) - {this}
    readings.record(digest, earlier | {this})
    candidate = state.of(state.incumbent).candidate
    evaluation = evaluations.of_candidate(run, candidate, await grader.labelled())
    instances = await grader.instances("test")
    todo = trials("test", instances, range(1), state.root_seed)
    found: list[GradedAnswer] = []
    run.live_work.tell("answers", 0, len(todo))
    async for answer, grade in evaluate(evaluation, todo):
        found.append(GradedAnswer(answer_codec.drop_large(answer), grade))
        run.live_work.tell("answers", len(found), len(todo))
    by_id = {answer.trial.instance: (answer, grade) for answer, grade in found}
    groups = units.groups_of(instances)

    def score(ids: Sequence[str], given: Sequence[Grade]) -> t.Score:
        rows = {(name, 0): grade.score for name, grade in zip(ids, given, strict=True)}
        return units.clustered(rows, groups)

    ids = [item.id for item in instances]
    ordered = [by_id[item.id] for item in instances]
    grades = [grade for _, grade in ordered]
    summary = await grader.summarise(
        "test", [(answer.trial.instance, answer_codec.kept_value(answer.value), grade) for answer, grade in ordered]
    )
    baselines = await graded_baselines(evaluations.grading(run), "test")
    recorded = msgspec.json.encode(
        [
            [
                *(answer.trial.instance, grade.score, answer_codec.excerpt(answer.value)),
                *results.private_columns(grade, groups.get(answer.trial.instance, "")),
            ]
            for answer, grade in ordered
        ]
    )
    run.append(
        generation,
        t.TestUnsealed(
            harness=candidate.harness,
            weights=candidate.weights,
            score=score(ids, grades),
            macro=summary.macro,
            subsets=[
                t.Subset(name, **msgspec.structs.asdict(score(some, [by_id[one][1] for one in some])))
                for name, some in summary.subsets.items()
            ],
            baselines={name: score(ids, given) for name, given in baselines.items()},
            failures=results.count_failures(answer.failure for answer, _ in ordered),
            answers=blobs.digest(recorded),
            unsealed_before=state.unsealed - 1,
            readings=sorted(earlier),
            private=results.private_check(grades),
            private_of_baselines=results.private_checks(baselines),
            disturbed=[grade.disturbed for grade in grades if grade.disturbed],
        ),
        contents=[recorded],
    )
