"""What the inspector shows, a page a file: each a function of a moment and a target, imported when first asked for."""

from __future__ import annotations

import importlib

from sia_tui.app.model.snapshot import Moment
from sia_tui.app.rows.row import Page, Target

_BUILDERS = {
    "run": "run.overview.build",
    "generation": "generation.overview.build",
    "verdict": "generation.overview.verdict",
    "event": "event.overview.build",
    "blob": "event.overview.blob",
    "instance": "instance.trajectory.build",
    "analysis": "generation.analysis.build",
    "harness": "generation.harness.build",
    "file": "generation.harness.file",
    "diff": "compare.diff.build",
    "map": "run.instance_map.build",
    "scores": "run.scores.build",
    "cost": "run.cost.build",
    "training": "run.training.build",
    "cases": "generation.cases.build",
    "answers": "compare.answers.build",
    "compare": "compare.comparison.build",
    "bisect": "instance.bisect.build",
}

SLOW = {"map", "compare", "bisect", "cost"}
"""Pages that read many events: they are built beside the screen, and shown when they are done."""


def build(moment: Moment, target: Target, width: int) -> Page:
    """The page that `target` names, folded to `width` cells."""
    module, _, function = _BUILDERS[target.kind].rpartition(".")
    page: Page = getattr(importlib.import_module(f"{__name__}.{module}"), function)(moment, target, width)
    return page
