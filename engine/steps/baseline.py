"""The baseline step: what methods that anyone can run score on `val`, to be shown beside every result."""

from __future__ import annotations

import time

from engine.core.gate import mean
from engine.core.results import private_by_name
from engine.evaluation.judge import graded_baselines, judge_for
from engine.events import types as t
from engine.run.session import Run


async def measure(run: Run, generation: int) -> None:
    """Appends `baseline.measured`."""
    started = time.monotonic()
    found = await graded_baselines(run.ports.grader, judge_for(run.callers.judge, run.state.root_seed), "val")
    scores = {name: mean([grade.score for grade in grades]) for name, grades in found.items()}
    run.append(generation, t.BaselineMeasured(scores, round(time.monotonic() - started, 3), private_by_name(found)))
