"""Is the verifier of an adopted task noisy? Its first program is graded several times before a run is planned.

Every grading has a seed of its own, as every repeat of a run has. Equal scores throughout mean that one evaluation
stands for all; else the domain has several instances, and the incumbent is executed again beside each candidate.
"""

from __future__ import annotations

import contextlib
import math
import re
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping

import msgspec

from engine.core.gate import threshold
from engine.errors import SiaError
from engine.evaluation.evaluate import Answered, Task, answer_all, grade_all, jobs_of, tasks
from engine.evaluation.model_broker import NoModel
from engine.events import types as t
from engine.grading.client import Grader
from engine.grading.loader import Folder, find
from engine.importers.adopted import Adopted, settle
from engine.sandbox import Isolation, Outcome
from harness_repo.harness import read_folder

GRADINGS = 5
FEWEST = 3
PATIENCE_S = 120.0
"""After so long a few equal scores have to do."""


class Place(msgspec.Struct, frozen=True):
    """Where answers are made and graded."""

    grader: Grader
    isolation: Isolation


async def grade_first(folder: Folder, isolation: Isolation, repeat: int = 0) -> Answered:
    """One evaluation of the first program by the task's evaluator."""
    harness, limits = read_folder(folder.path / "harness"), folder.spec.limits
    async with _place(folder, isolation, repeat) as (place, todo):
        answering = answer_all(
            place, harness, todo, train=[], seed=0, workers=1, limits=limits, broker=NoModel(), judge=None
        )
        (answered,) = [one async for one in answering]
        return answered


async def grade_files(folder: Folder, isolation: Isolation, files: Mapping[str, bytes]) -> Answered:
    """What the task's evaluator makes of files that a person hands in."""
    async with _place(folder, isolation, 0) as (place, todo):

        async def handed_in() -> AsyncGenerator[Outcome, None]:
            yield Outcome(jobs_of(todo)[0].key, {"files": dict(files)}, None, 0.0, 0.0, "")

        (answered,) = [one async for one in grade_all(place, None, todo, handed_in(), 1)]
        return answered


@contextlib.asynccontextmanager
async def _place(folder: Folder, isolation: Isolation, repeat: int) -> AsyncIterator[tuple[Place, list[Task]]]:
    grader = Grader(folder, None, isolation)
    try:
        yield Place(grader, isolation), tasks("train", (await grader.instances("train"))[:1], [repeat], 0)
    finally:
        await grader.close()


async def measured(folder: Folder, isolation: Isolation, report: Callable[[str], None]) -> Folder:
    """The folder with its noise known; any but an adopted one as it is. Raises `SiaError` where the first program does
    not get through the evaluator."""
    if folder.adopted is None or folder.adopted.noise is not None:
        return folder
    if folder.adopted.models:
        report(f"the first program of {folder.spec.name} cannot run here, so its verifier is taken to be noisy")
        settle(folder.adopted, [])
        return find(folder.source)
    report(f"grading the first program of {folder.spec.name} {GRADINGS} times, to see how noisy its verifier is")
    began = time.monotonic()
    scores: list[float] = []
    while len(scores) < GRADINGS and (len(scores) < FEWEST or time.monotonic() - began < PATIENCE_S):
        answered = await grade_first(folder, isolation, len(scores))
        if answered.failure is not None:
            raise failed(folder.adopted, answered.failure)
        scores.append(answered.grade.score)
        if len(scores) == 1 and answered.grade.score == 0:
            report(f"it scores nothing: {_why(answered)}")
    low, high = min(scores), max(scores)
    report(f"it scores {low:.6g} each time" if low == high else f"it scores {low:.6g} to {high:.6g}: noisy")
    if not any(scores):  # a compiler may be lacking, say: to be measured again
        return folder
    settle(folder.adopted, scores)
    return find(folder.source)


def _why(answered: Answered) -> str:
    """What the evaluator itself says, as far as it can be known."""
    said = answered.log.strip().splitlines()
    return answered.grade.detail if not said or "not correct" in answered.grade.detail else said[-1][:200]


def failed(task: Adopted, failure: t.Failure) -> SiaError:
    """What to tell a person whose program does not get through its own evaluator."""
    if (absent := re.search(r"No module named '([\w.]+)'", failure.message)) is not None:
        return SiaError(
            f"the task in {task.home} needs the module {absent[1]}, which is not installed",
            f"`sia adopt {task.home} --install` installs what the task needs",
        )
    return SiaError(
        f"the first program of the task in {task.home} does not get through its evaluator: {failure.message}",
        f"`sia adopt {task.home}` says what is lacking",
    )


def check_first(folder: Folder) -> None:
    """Raises `SiaError` where the first program of an adopted task cannot work here."""
    if (task := folder.adopted) is None:
        return
    if task.models:
        raise SiaError(
            f"the task in {task.home} calls a language model ({', '.join(task.models)}), and a sandbox has no network",
            "give it a program that needs none, or have an agent write one: --agent claude",
        )
    if task.missing:
        raise SiaError(
            f"the task in {task.home} needs what is not installed: {', '.join(task.missing)}",
            f"`sia adopt {task.home} --install` installs it for this task",
        )


def repeats(settings: t.Settings, instances: int) -> int:
    """How often a noisy domain of so few instances must be answered for the gate to be able to accept anything."""
    units = math.floor(-math.log2(threshold(settings.gate, settings.generations))) + 1
    return max(settings.repeats, math.ceil(units / instances)) if settings.noisy else settings.repeats
