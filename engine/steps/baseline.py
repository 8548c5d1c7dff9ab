"""The baseline step: scores of the domain's baselines on `val`, shown beside every result."""

from __future__ import annotations

import time

from engine.core.gate import mean
from engine.core.results import private_checks
from engine.evaluation.baselines import graded_baselines
from engine.events import types as t
from engine.run.live_run import Run
from engine.steps import evaluations


async def measure(run: Run, generation: int) -> None:
    """Appends `baseline.measured`."""
    started = time.monotonic()
    found = await graded_baselines(evaluations.grading(run), "val")
    scores = {name: mean([grade.score for grade in grades]) for name, grades in found.items()}
    run.append(generation, t.BaselineMeasured(scores, round(time.monotonic() - started, 3), private_checks(found)))
