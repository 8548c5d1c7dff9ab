"""Plots of a run: the first candidate's and the incumbent's answers to one instance of `val`, drawn by the domain.

The answers are computed again, since the log keeps only digests of long ones; a plot says if they differ. Only the
plots are written; the test split is not read.
"""

from __future__ import annotations

from pathlib import Path

from domains.contract import Picture
from engine.checkout import apply
from engine.checkout.domain import domain_of
from engine.checkout.folder import Checkout, load_all
from engine.core.state import State
from engine.errors import SiaError
from engine.evaluation import answer_codec, evaluate
from engine.evaluation.errors import InfrastructureFailure
from engine.evaluation.trial import trial
from engine.events import types as t
from engine.events.reader import Reader, RunRow
from engine.grading.client import Grader, GraderFailed
from engine.run.domain_session import Report, choose_isolation
from engine.sandbox import Isolation


async def picture(
    reader: Reader, run: RunRow, to: Path, report: Report, *, workspace: Path, unsafe: bool = False
) -> list[str]:
    """Draws into the folder `to`; returns the names of the files, none where the domain draws no answers.

    Raises `SiaError` where an answer or its picture cannot be made.

    `workspace` has the settings that say how to reach the run's model, if it has one.
    """
    best, first = load_all(reader, run, [None, 1])
    checkouts = [best] if best.generation.n == 1 else [first, best]
    async with domain_of(best.state.domain, report) as grader:
        try:
            if not await grader.draws():
                return []
            isolation = choose_isolation(unsafe=unsafe)
            pictures = [await _answer_again(checkout, grader, isolation, workspace) for checkout in checkouts]
            return await grader.plots(pictures, _points(best.state), to.absolute())
        except GraderFailed as error:
            raise SiaError(f"the pictures could not be drawn: {error}", "see the domain's README") from None


async def _answer_again(checkout: Checkout, grader: Grader, isolation: Isolation, workspace: Path) -> Picture:
    """The candidate's answer to the first instance of `val`."""
    number = checkout.state.rotation.number(checkout.generation.n)
    instance = (await grader.instances("val", number))[0]
    recorded = checkout.results["val", instance.id, checkout.repeat]
    learn = await apply.material(checkout, grader, "run")
    todo = [trial("val", instance, checkout.repeat, checkout.state.root_seed)]
    try:
        async with apply.task_model(checkout, workspace, apply.Unrecorded()) as model:
            chosen = apply.evaluation(checkout, grader, learn, model=model, isolation=isolation, workers=1)
            (answer,) = [one async for one in evaluate.verify(chosen.grading, evaluate.answer(chosen, todo))]
    except InfrastructureFailure as error:
        raise apply.run_error(error) from None
    n = checkout.generation.n
    if answer.failure is not None:
        raise SiaError(f"generation {n} has no answer to draw ({answer.failure.message})", "see `sia trajectory`")
    same = answer_codec.pack(answer.value)[0] == recorded.answer
    return Picture(f"generation {n}{'' if same else ' (as answered here)'}", instance.id, answer.value)


def _points(state: State) -> dict[str, tuple[float, float]]:
    """(score, honest score) on `val` of candidates and baselines, where both are known."""
    measured: dict[str, tuple[t.Score | None, t.PrivateCheck | None]] = {}
    if state.baseline:
        measured |= {name: (score, state.baseline.private.get(name)) for name, score in state.baseline.scores.items()}
    for one in state.generations:
        if one.execution:
            measured[f"generation {one.n}"] = (one.execution.scores.get("val"), one.execution.private)
    return {
        name: (score.score, check.honest.score)
        for name, (score, check) in measured.items()
        if score and check and check.honest
    }
