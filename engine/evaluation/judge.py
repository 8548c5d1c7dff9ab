"""Grades that a language model has a say in: the domain asks, the judge replies, the domain grades.

The grading process reaches nobody. It says what it wants to know about an answer, the engine puts that to the run's
judge, recorded, reserved and paid like any call of a model, and the replies go back beside the answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from domains.contract import Grade, Question, Split
from engine.core.failure import StepFailure
from engine.errors import SiaError
from engine.events import types as t
from engine.grading.client import Grader, GraderFailed
from engine.models.calling import A_PERSON_MUST_HELP, Caller, Position, Unavailable
from engine.models.protocol import Hopeless, Message, Request
from engine.seeds import derive

MOST_QUESTIONS = 32
MOST_TOKENS = 4096


class Judge(Protocol):
    """Replies to what a domain wants to know."""

    async def replies(self, place: str, questions: Sequence[Question]) -> list[str]:
        """A text for each question, in order. Equal questions at one `place` get equal replies in a lineage.

        Raises `GraderFailed` for what no judge will answer, `StepFailure` where it cannot be reached, and `SiaError`
        where only a person can help.
        """
        ...


class ModelJudge:
    """A language model; `harness` is the candidate whose answers are judged, if it is one."""

    def __init__(self, caller: Caller, seed: int, harness: str = "") -> None:
        self._caller, self._seed, self._harness = caller, seed, harness

    async def replies(self, place: str, questions: Sequence[Question]) -> list[str]:
        """As `Judge.replies`."""
        if len(questions) > MOST_QUESTIONS or any(not 1 <= one.max_tokens <= MOST_TOKENS for one in questions):
            raise GraderFailed(
                f"questions asks more than {MOST_QUESTIONS} questions, or for more than {MOST_TOKENS} tokens"
            )
        try:
            return [await self._reply(place, ordinal, question) for ordinal, question in enumerate(questions)]
        except Hopeless as error:
            if error.status in A_PERSON_MUST_HELP:
                raise SiaError(str(error), error.remedy) from None
            raise GraderFailed(f"the judge: {error}") from None
        except Unavailable as error:
            raise StepFailure(t.Failure("infrastructure", str(error))) from None

    async def _reply(self, place: str, ordinal: int, question: Question) -> str:
        request = Request(
            weights=self._caller.model.weights,
            messages=[
                *([Message("system", question.system)] if question.system else []),
                Message("user", question.prompt),
            ],
            max_tokens=question.max_tokens,
            temperature=question.temperature,
            seed=derive(self._seed, "judge", place, ordinal),
        )
        return (await self._caller.chat(Position("judge", place, ordinal, self._harness), request)).text


def judge_for(caller: Caller | None, seed: int, harness: str = "") -> Judge | None:
    """The judge of a candidate, or of a harness that is only tried; None where there is nobody to ask."""
    return None if caller is None else ModelJudge(caller, seed, harness)


async def assess(
    grader: Grader, judge: Judge | None, split: Split, instance: str, answer: Any, *, repeat: str = "0"
) -> Grade:
    """The grade of an answer, after the judge was asked where there is one; raises `GraderFailed`."""
    if judge is None:
        return await grader.grade(split, instance, answer)
    questions = await grader.questions(split, instance, answer)
    replies = await judge.replies(f"{split}/{instance}/{repeat}", questions)
    return await grader.grade(split, instance, answer, replies)


async def graded_baselines(grader: Grader, judge: Judge | None, on: Split) -> dict[str, list[Grade]]:
    """The grades of every baseline on each instance of `on`."""
    if judge is None:
        return await grader.baselines(on)
    ids = [item.id for item in await grader.instances(on)]
    return {
        name: [
            await assess(grader, judge, on, one, answer, repeat=f"baseline {name}")
            for one, answer in zip(ids, answers, strict=True)
        ]
        for name, answers in (await grader.baseline_answers(on)).items()
    }
