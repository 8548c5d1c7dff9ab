"""What the inspector shows, a page a file: each a function of a moment and a target, imported when first asked for."""

from __future__ import annotations

import importlib

from sia_tui.app.moment import Moment
from sia_tui.app.rows import Page, Target

_BUILDERS = {
    "run": "run.build",
    "generation": "generation.build",
    "verdict": "generation.verdict",
    "event": "event.build",
    "blob": "event.blob",
    "instance": "instance.build",
    "analysis": "analysis.build",
    "harness": "harness.build",
    "file": "harness.file",
    "diff": "diff.build",
    "map": "map.build",
    "scores": "scores.build",
    "cost": "cost.build",
    "training": "training.build",
    "cases": "cases.build",
    "answers": "answers.build",
    "compare": "comparing.build",
    "bisect": "bisecting.build",
}

SLOW = {"map", "compare", "bisect", "cost"}
"""Pages that read many events: they are built beside the screen, and shown when they are done."""


def build(moment: Moment, target: Target, width: int) -> Page:
    """The page that `target` names, folded to `width` cells."""
    module, _, function = _BUILDERS[target.kind].partition(".")
    page: Page = getattr(importlib.import_module(f"{__name__}.{module}"), function)(moment, target, width)
    return page
