"""A run's evaluations: domain, models, seed and isolation for a candidate or a proposal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from domains.contract import Instance
from engine.evaluation.domain_tools import OnTool, Use
from engine.evaluation.evaluate import Evaluation, Grading
from engine.evaluation.judge import ModelJudge
from engine.evaluation.trial import Trial, trials
from engine.events import types as t
from engine.events.storage import blobs
from engine.grading.reserve import Part
from engine.run.live_run import Run
from harness_repo.harness import Harness


def grading(run: Run, commit: str = "", workers: int | None = None) -> Grading:
    """How the run grades the answers of the candidate at `commit`, or of a proposal if `commit` is empty."""
    ports, judge = run.ports, run.callers.judge
    model_judge = None if judge is None else ModelJudge(judge, run.state.root_seed, commit)
    return Grading(ports.grader, model_judge, ports.isolation, workers or ports.workers, ports.start)


def recorded(run: Run) -> OnTool:
    """Makes an event of each use of a tool. It is computed again where it is lost, as the answer is."""

    def record(use: Use) -> None:
        event = t.ToolCalled(
            role="task",
            place=use.at.place,
            ordinal=use.at.ordinal,
            name=use.name,
            arguments=blobs.digest(use.arguments),
            result=blobs.digest(use.result),
            failed=use.failed,
            wall_s=use.wall_s,
            harness=use.at.harness,
        )
        step = run.state.open_step
        run.stream(step.generation if step else run.state.generation, event, [use.arguments, use.result])

    return record


def trials_of(run: Run, repeats: Sequence[int], **instances: Sequence[Instance]) -> dict[str, list[Trial]]:
    """By split, one trial for each instance and repeat, under the lineage's seed."""
    seed = run.state.root_seed
    return {split: trials(cast("Part", split), some, repeats, seed) for split, some in instances.items()}


def of_candidate(run: Run, candidate: t.Candidate, material: Sequence[Instance]) -> Evaluation:
    """The evaluation of a candidate, with its weights and votes; its harness may learn from `material`."""
    return Evaluation(
        grading=grading(run, candidate.harness),
        harness=run.versions.harness(run.state.version(candidate.harness)),
        candidate=candidate,
        material=material,
        model=run.callers.task,
        on_tool=recorded(run),
        seed=run.state.root_seed,
    )


def of_proposal(run: Run, harness: Harness, material: Sequence[Instance]) -> Evaluation:
    """The evaluation of a proposal under the incumbent's weights, one instance at a time."""
    return Evaluation(
        grading=grading(run, workers=1),
        harness=harness,
        candidate=t.Candidate("", run.state.weights),
        material=material,
        model=run.callers.task,
        on_tool=recorded(run),
        seed=run.state.root_seed,
    )
