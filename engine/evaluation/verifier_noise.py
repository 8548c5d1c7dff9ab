"""Measures whether the verifier of an adopted task is noisy: grades its first program several times before a run.

Each grading has its own seed, as each repeat of a run has. If all scores are equal, one evaluation is enough; if not,
the incumbent is executed again beside each candidate.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import AsyncGenerator, Callable, Mapping

from msgspec.structs import replace

from engine.core.gate import fewest_units, threshold
from engine.errors import SiaError
from engine.evaluation.domain_tools import unrecorded
from engine.evaluation.evaluate import Evaluation, Grading, evaluate, grade
from engine.evaluation.trial import Answer, GradedAnswer, trial
from engine.events import types as t
from engine.grading.client import Grader
from engine.grading.loader import Folder, find
from engine.importers.adopted import AdoptedTask, record_noise
from engine.sandbox import Isolation
from harness_repo.harness import read_folder

GRADINGS = 5
FEWEST = 3
PATIENCE_S = 120.0
"""After this time `FEWEST` gradings are enough."""


async def grade_first(evaluation: Evaluation, repeat: int) -> GradedAnswer:
    """One evaluation of the first instance of `train`, graded by a new process: noise across processes counts."""
    grader = evaluation.grading.grader
    try:
        first = (await grader.instances("train"))[0]
        (graded,) = [one async for one in evaluate(evaluation, [trial("train", first, repeat, evaluation.seed)])]
    finally:
        await grader.close()
    return graded


async def grade_files(folder: Folder, isolation: Isolation, files: Mapping[str, bytes]) -> GradedAnswer:
    """The grade of files that the user provides, by the evaluator of an adopted task."""
    grader = Grader(folder, None, isolation)

    async def handed_in() -> AsyncGenerator[Answer, None]:
        first = trial("train", (await grader.instances("train"))[0], 0, 0)
        yield Answer(first, {"files": dict(files)}, None, 0.0, 0.0, "")

    try:
        (graded,) = [one async for one in grade(Grading(grader, None, isolation, 1), handed_in())]
    finally:
        await grader.close()
    return graded


def _first_program(folder: Folder, isolation: Isolation) -> Evaluation:
    """The evaluation of an adopted task's first program, without a model or training data."""
    return Evaluation(
        grading=Grading(Grader(folder, None, isolation), None, isolation, 1),
        harness=read_folder(folder.path / "harness"),
        candidate=t.Candidate(""),
        material=[],
        model=None,
        on_tool=unrecorded,
        seed=0,
    )


async def measure(folder: Folder, isolation: Isolation, report: Callable[[str], None]) -> Folder:
    """The folder with its noise measured; a domain that is not an adopted task is returned unchanged.

    Raises `SiaError` if the evaluator fails on the first program.
    """
    if folder.adopted is None or folder.adopted.noise is not None:
        return folder
    if folder.adopted.models:
        report(f"the first program of {folder.spec.name} calls a language model, so its verifier is taken to be noisy")
        record_noise(share(folder.adopted, "its first program could not be tried apart"), [])
        return find(folder.source)
    report(f"grading the first program of {folder.spec.name} {GRADINGS} times, to see how noisy its verifier is")
    began, adopted = time.monotonic(), folder.adopted
    scores: list[float] = []
    first = _first_program(folder, isolation)
    while len(scores) < GRADINGS and (len(scores) < FEWEST or time.monotonic() - began < PATIENCE_S):
        graded = await grade_first(first, len(scores))
        if not scores and adopted.apart and (why := _lost_apart(graded)):
            adopted = share(adopted, "its first program does not work apart")
            folder = replace(folder, adopted=adopted)
            first = _first_program(folder, isolation)
            graded = await grade_first(first, len(scores))
            if graded.answer.failure is None:
                report(f"its program cannot run apart from its evaluator ({why})")
        if graded.answer.failure is not None:
            raise first_program_error(adopted, graded.answer.failure)
        scores.append(graded.grade.score)
        if len(scores) == 1 and graded.grade.score == 0:
            report(f"its score is 0: {_why(graded)}")
    low, high = min(scores), max(scores)
    report(f"it scores {low:.6g} each time" if low == high else f"it scores {low:.6g} to {high:.6g}: noisy")
    if not any(scores):  # a compiler may be missing, say: measure again next time
        return folder
    record_noise(adopted, scores)
    return find(folder.source)


def share(adopted: AdoptedTask, why: str) -> AdoptedTask:
    """The task with program and evaluator in one process from now on."""
    return replace(adopted, shares=why) if adopted.apart else adopted


def _lost_apart(graded: GradedAnswer) -> str:
    """Why a first program has no score if it runs apart; a score of 0 is tried in one process, too."""
    if graded.answer.failure is not None:
        return graded.answer.failure.message
    return "" if graded.grade.score else _why(graded)


def _why(graded: GradedAnswer) -> str:
    """The evaluator's explanation: its last line of output, or the grade's detail if that says more."""
    said = graded.answer.log.strip().splitlines()
    return graded.grade.detail if not said or "not correct" in graded.grade.detail else said[-1][:200]


def first_program_error(task: AdoptedTask, failure: t.Failure) -> SiaError:
    """The error for a first program on which the task's own evaluator fails."""
    if (absent := re.search(r"No module named '([\w.]+)'", failure.message)) is not None:
        return SiaError(
            f"the task in {task.home} needs the module {absent[1]}, which is not installed",
            f"`sia adopt {task.home} --install` installs what the task needs",
        )
    return SiaError(
        f"the first program of the task in {task.home} fails in its evaluator: {failure.message}",
        "make it run with its own tool first; `sia adopt DIR --install` installs what the task says that it needs",
    )


def check_first(folder: Folder, model: str) -> None:
    """Raises `SiaError` if the first program of an adopted task cannot run here, in a run with this task model."""
    if (task := folder.adopted) is None:
        return
    if task.served and task.models and not model:
        raise SiaError(
            f"the task in {task.home} calls a language model ({', '.join(task.models)}), which this run does not name",
            f"name one, which will answer these calls: sia run {task.home} --model MODEL",
        )
    if task.models and not task.served:
        raise SiaError(
            f"the task in {task.home} calls a language model ({', '.join(task.models)}), and a sandbox has no network",
            "give it a program that needs none, or have an agent write one: --agent claude",
        )
    if task.missing:
        raise SiaError(
            f"the task in {task.home} needs what is not installed: {', '.join(task.missing)}",
            f"`sia adopt {task.home} --install` installs it for this task",
        )


def scale(folder: Folder) -> float | None:
    """How large the task's scores are known to be, 0 if that is not known; None if no verifier runs candidates.

    The first program's score; if that is 0, the highest score that the task can give; else 1, as such scores often are.
    """
    if folder.adopted is None:
        return None if folder.verifier is None else 0.0
    noise = folder.adopted.noise
    return max(map(abs, noise.scores if noise else []), default=0.0) or folder.adopted.task.score_max or 1.0


def repeats(settings: t.Settings, instances: int) -> int:
    """How often each instance must be answered so that the gate can accept anything on a noisy domain."""
    units = fewest_units(threshold(settings.gate, settings.generations))
    return max(settings.repeats, math.ceil(units / instances)) if settings.noisy else settings.repeats
