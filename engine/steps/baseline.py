"""The baseline step: scores of the domain's baselines on `val`, shown beside every result."""

from __future__ import annotations

import time

from engine.core import units
from engine.core.results import private_checks
from engine.evaluation.baselines import graded_baselines
from engine.events import types as t
from engine.run.live_run import Run
from engine.steps import evaluations


async def measure(run: Run, generation: int) -> None:
    """Appends `baseline.measured`."""
    started = time.monotonic()
    found = await graded_baselines(evaluations.grading(run), "val")
    instances = await run.domain.val()
    groups = units.groups_of(instances)
    scores = {
        name: units.clustered(
            {(item.id, 0): grade.score for item, grade in zip(instances, grades, strict=True)}, groups
        )
        for name, grades in found.items()
    }
    run.append(generation, t.BaselineMeasured(scores, round(time.monotonic() - started, 3), private_checks(found)))
