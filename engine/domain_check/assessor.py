"""Grades answers as a run does; what fails on the way becomes a finding."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

from domains.contract import Instance, Question, Split
from engine.checkout.apply import Unrecorded
from engine.domain_check.finding import Finding
from engine.evaluation.errors import InfrastructureFailure
from engine.evaluation.evaluate import Grading
from engine.evaluation.judge import assess
from engine.evaluation.trial import trial
from engine.events import types as t
from engine.grading.client import GraderFailed
from engine.models.calling import Caller
from engine.run.domain_session import Report
from engine.run.models import serve

Place = tuple[Split, str]


class GraderUnusable(Exception):
    """The grader or its judge failed, so that no further check is possible."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.sentence)
        self.finding = finding


class SilentJudge:
    """A judge whose replies are empty, for checks that need no judge."""

    async def replies(self, place: str, questions: Sequence[Question]) -> list[str]:
        """An empty reply to each question."""
        return [""] * len(questions)


@contextlib.asynccontextmanager
async def caller(reference: str, workspace: Path, report: Report) -> AsyncIterator[Caller | None]:
    """A caller of the language model `reference`, with unrecorded calls; None without a name. Raises `SiaError`."""
    if not reference:
        yield None
        return
    served = await serve(reference, t.Settings(1, 1, "search", t.Gate()), workspace, report)
    try:
        yield Caller(served, Unrecorded())
    finally:
        await served.model.close()


class Assessor:
    """Scores answers; every method raises `GraderUnusable` if the grader or the judge fails."""

    def __init__(self, grading: Grading) -> None:
        self.grading, self.grader, self.judge = grading, grading.grader, grading.judge

    async def score(self, place: Place, answer: Any, what: str, *, repeat: int = 0) -> float:
        """The score of an answer, which messages call `what`. `repeat` changes the seed of a judge."""
        one = trial(place[0], Instance(place[1], None), repeat, 0)
        try:
            return (await assess(self.grader, self.judge, one, answer)).score
        except GraderFailed as error:
            raise GraderUnusable(await self._diagnose(error, f"{what} as an answer to {place[0]}/{place[1]}")) from None
        except InfrastructureFailure as error:
            raise GraderUnusable(
                Finding("judge", "fail", f"the judge cannot be reached: {error}", "see `sia models`")
            ) from None

    async def reference(self, place: Place) -> float:
        """The score of the label as the answer."""
        try:
            return (await self.grader.reference(*place)).score
        except GraderFailed as error:
            raise GraderUnusable(await self._diagnose(error, "the reference answer")) from None

    async def network_attempts(self) -> list[str]:
        """The addresses that the grader has tried to reach over the network."""
        with contextlib.suppress(GraderFailed):
            return await self.grader.network_attempts()
        return []

    async def _diagnose(self, error: GraderFailed, what: str) -> Finding:
        said = str(error)
        attempts = await self.network_attempts()
        if attempts or "no network" in said:
            return check_network(attempts)
        if "did not answer" in said:
            wall = self.grader.folder.spec.grade_wall_s
            sentence = f"the grader does not end within {wall:g} s on {what}"
            return Finding("grader", "fail", sentence, "limit what grade does, or raise grade_wall_s in domain.toml")
        if "NaN" in said:
            sentence = f"the grader returns NaN or an infinity for {what}"
            return Finding("grader", "fail", sentence, "return a finite score for any answer")
        sentence = f"the grader fails on {what}: {said}"
        return Finding(
            "grader", "fail", sentence, "make grade return a score for an answer of any shape, and raise nothing"
        )


def check_network(attempts: Sequence[str]) -> Finding:
    """The finding about the network: what the grader tried to reach, if anything."""
    if not attempts:
        return Finding("network", "pass", "the grader does not use the network")
    return Finding(
        "network",
        "fail",
        f"the grader calls the network ({', '.join(dict.fromkeys(attempts))}), which it does not have in a run",
        "download what it needs in fetch(report), and read it from the data folder",
    )
