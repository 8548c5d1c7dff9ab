"""The pages of the inspector: each a function of a snapshot, a target and a size, in a module of its own.

Imports `app.rows`, `app.model` and the engine. Never in it: Textual, or where the user is.
"""

from __future__ import annotations

import importlib

from sia_tui.app.model.snapshot import RunSnapshot
from sia_tui.app.rows.row import Page, Target

BUILDERS = {
    "run": "run.overview:build",
    "scores": "run.scores:build",
    "map": "run.instance_map:build",
    "training": "run.training:build",
    "cost": "run.cost:build",
    "isolation": "run.isolation:build",
    "generation": "generation.overview:build",
    "verdict": "generation.verdict:build",
    "analysis": "generation.analysis:build",
    "cases": "generation.cases:build",
    "harness": "generation.harness:build",
    "file": "generation.harness:build_file",
    "instance": "instance.trajectory:build",
    "bisect": "instance.bisect:build",
    "event": "event.overview:build",
    "failure": "event.failure:build",
    "blob": "blob:build",
    "diff": "compare.diff:build",
    "answers": "compare.answers:build",
    "compare": "compare.comparison:build",
}
"""The function that builds each kind of page, as `module:function`. Its module is imported when it is first opened."""

SLOW = {"map", "compare", "bisect", "cost"}
"""Pages that read many events, and are built on another thread."""

WITH_INPUTS = {"verdict", "instance"}
"""Pages that show the inputs of instances, which are read when one of them is first opened."""

TALL = {"scores", "training"}
"""Pages with a chart as tall as the pane: they are built again when its height changes."""
_HEIGHT = 24
"""Of the pane, where nobody says."""
NEEDS = {"run": "scipy.special"}
"""Modules that a page computes with and that take long to import: longer than all else that the first screen needs."""


def build(snapshot: RunSnapshot, target: Target, width: int, height: int = _HEIGHT) -> Page:
    """The page that `target` names, in `width` cells; a chart in it is `height` rows tall.

    Raises `SiaError` where the log is damaged.
    """
    module, _, function = BUILDERS[target.kind].partition(":")
    size = (width, height) if target.kind in TALL else (width,)
    page: Page = getattr(importlib.import_module(f"{__name__}.{module}"), function)(snapshot, target, *size)
    return page
