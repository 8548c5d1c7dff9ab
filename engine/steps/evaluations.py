"""A run's evaluations: domain, models, seed and isolation for a candidate or a proposal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from domains.contract import Instance
from engine.evaluation.evaluate import Evaluation, Grading
from engine.evaluation.judge import ModelJudge
from engine.evaluation.trial import Trial, trials
from engine.events import types as t
from engine.grading.reserve import Part
from engine.run.live_run import Run
from harness_repo.harness import Harness


def grading(run: Run, commit: str = "", workers: int | None = None) -> Grading:
    """How the run grades the answers of the candidate at `commit`, or of a proposal if `commit` is empty."""
    ports, judge = run.ports, run.callers.judge
    model_judge = None if judge is None else ModelJudge(judge, run.state.root_seed, commit)
    return Grading(ports.grader, model_judge, ports.isolation, workers or ports.workers, ports.start)


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
        seed=run.state.root_seed,
    )
