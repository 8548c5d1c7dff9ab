"""Grading with a language model as judge: the domain asks questions, the judge replies, the domain grades.

The grading process has no network, so it returns its questions about an answer, and the engine asks the judge. These
calls are recorded and paid like any other. The domain then grades the answer with the replies.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from domains.contract import Grade, Question
from engine.errors import SiaError
from engine.evaluation.errors import InfrastructureFailure
from engine.evaluation.trial import Trial
from engine.grading.client import Grader, GraderFailed
from engine.models.calling import ACCOUNT_ERRORS, Caller, ModelUnavailable, Position
from engine.models.protocol import Message, PermanentError, Request
from engine.seeds import derive

MOST_QUESTIONS = 32
MOST_TOKENS = 4096


class Judge(Protocol):
    """Answers a domain's questions about an answer."""

    async def replies(self, place: str, questions: Sequence[Question]) -> list[str]:
        """A text for each question, in order. Equal questions at one `place` get equal replies in a lineage.

        Raises `GraderFailed` for questions that no judge will answer, `InfrastructureFailure` if the judge cannot be
        reached, and `SiaError` for what only a person can fix.
        """
        ...


class ModelJudge:
    """A language model as judge. `harness` is the commit of the candidate whose answers are judged, or empty."""

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
        except PermanentError as error:
            if error.status in ACCOUNT_ERRORS:
                raise SiaError(str(error), error.remedy) from None
            raise GraderFailed(f"the judge: {error}") from None
        except ModelUnavailable as error:
            raise InfrastructureFailure(str(error)) from None

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


async def assess(grader: Grader, judge: Judge | None, trial: Trial, answer: Any) -> Grade:
    """Grades an answer, with the judge's replies if there is one; raises `GraderFailed`, or as the judge does."""
    if judge is None:
        return await grader.grade(trial.split, trial.instance, answer)
    questions = await grader.questions(trial.split, trial.instance, answer)
    replies = await judge.replies(trial.key, questions)
    return await grader.grade(trial.split, trial.instance, answer, replies)
