"""The domain's baselines, graded as a harness's answers are."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from msgspec.structs import replace

from domains.contract import Grade, Split
from engine.evaluation.evaluate import Grading, grade
from engine.evaluation.trial import Answer, trial
from engine.grading.client import GraderFailed


async def graded_baselines(grading: Grading, on: Split) -> dict[str, list[Grade]]:
    """The grades of each baseline on the instances of `on`, in order; raises `GraderFailed`, or as `evaluate` does."""
    grader = grading.grader
    if grading.judge is None and grader.folder.verifier is None:
        return await grader.baselines(on)  # in one call: a domain may share work between answers to the same instance
    instances = await grader.instances(on)
    found: dict[str, list[Grade]] = {}
    for name, values in (await grader.baseline_answers(on)).items():
        todo = [replace(trial(on, item, 0, 0), key=f"{on}/{item.id}/baseline {name}") for item in instances]
        answers = [Answer(one, value, None, 0.0, 0.0, "") for one, value in zip(todo, values, strict=True)]
        grades: dict[str, Grade] = {}
        async for answer, given in grade(grading, _each(answers)):
            if answer.failure is not None:
                raise GraderFailed(f"the baseline {name!r} on {answer.trial.instance}: {answer.failure.message}")
            grades[answer.trial.instance] = given
        found[name] = [grades[item.id] for item in instances]
    return found


async def _each(answers: list[Answer]) -> AsyncGenerator[Answer, None]:
    for answer in answers:
        yield answer
