"""Pictures of a run: the first candidate's and the incumbent's answers to one instance of `val`, drawn by the domain.

The answers are executed again, since the log keeps only the names of long ones, and must be those that it names.
Nothing is written but the pictures; the test split is not touched.
"""

from __future__ import annotations

from pathlib import Path

from domains.contract import Picture
from engine.checkout.domain import domain_of
from engine.core.results import Results
from engine.core.state import State, evolve
from engine.errors import SiaError
from engine.evaluation import answer_codec
from engine.evaluation.evaluate import as_failure, solve_all, tasks
from engine.evaluation.model_broker import NoModel
from engine.events import types as t
from engine.events.reader import Reader
from engine.grading.client import Grader, GraderFailed
from engine.run.domain_session import Report, contained
from engine.sandbox import Isolation, Job
from engine.steps.execution import divide
from harness_repo import harness as harnesses


async def picture(reader: Reader, run: str, to: Path, report: Report, *, unsafe: bool = False) -> list[str]:
    """Draws into the folder `to` and returns the names of the files; raises `SiaError` where nothing can be drawn."""
    state, results = State(), Results()
    for event in reader.history(run):
        state = evolve(state, event)
        results.add(event)
    if state.incumbent is None:
        raise SiaError("this run has no incumbent yet", "let it finish its first generation with `sia resume`")
    async with domain_of(state.task, report) as grader:
        try:
            if not await grader.draws():
                raise SiaError(f"the domain {state.task.name} draws no pictures", "leave out --plots")
            isolation = contained(unsafe=unsafe)
            shown = [
                await _again(reader, grader, state, results, generation, isolation)
                for generation in sorted({1, state.incumbent})
            ]
            return await grader.plots(shown, _points(state), to.absolute())
        except GraderFailed as error:
            raise SiaError(f"the pictures could not be drawn: {error}", "see the domain's README") from None


async def _again(
    reader: Reader, grader: Grader, state: State, results: Results, generation: int, isolation: Isolation
) -> Picture:
    """What the candidate of `generation` answers to the first instance of `val`."""
    candidate = state.of(generation).candidate
    instance = (await grader.instances("val"))[0]
    recorded = next(
        result
        for (split, name, _), result in sorted(results.of(generation, candidate).items())
        if (split, name) == ("val", instance.id)
    )
    (task,) = tasks("val", [instance], [recorded.repeat], state.root_seed)
    learn, _ = divide(await grader.instances("train"), state.set, state.root_seed)
    files = {path: reader.blob(name) for path, name in state.versions[generation].files.items()}
    spec = grader.folder.spec
    solving = solve_all(
        harnesses.parse(files),
        [Job(task.instance, task.instance, task.data, task.seed)],
        train=learn if spec.learns else [],
        seed=state.root_seed,
        workers=1,
        limits=spec.limits,
        per=spec.isolation,
        isolation=isolation,
        broker=NoModel(),
    )
    async for outcome in solving:
        if (failure := as_failure(outcome.failure)) is not None:
            raise SiaError(f"generation {generation} has no answer to draw ({failure.message})", "see `sia trajectory`")
        same = answer_codec.pack(outcome.answer)[0] == recorded.answer
        return Picture(f"generation {generation}{'' if same else ' (as answered here)'}", instance.id, outcome.answer)
    raise AssertionError("a job has an outcome")


def _points(state: State) -> dict[str, tuple[float, float]]:
    """Candidates and baselines by (score, honest score) on `val`, where both are known."""
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
