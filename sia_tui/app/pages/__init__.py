"""What the inspector shows, a page a file: each a function of a moment and a target."""

from __future__ import annotations

from collections.abc import Callable

from sia_tui.app.moment import Moment
from sia_tui.app.pages import (
    analysis,
    bisecting,
    comparing,
    cost,
    diff,
    event,
    generation,
    harness,
    instance,
    map,
    run,
    scores,
    training,
)
from sia_tui.app.rows import Page, Target

Builder = Callable[[Moment, Target, int], Page]

BUILDERS: dict[str, Builder] = {
    "run": run.build,
    "generation": generation.build,
    "verdict": generation.verdict,
    "event": event.build,
    "instance": instance.build,
    "analysis": analysis.build,
    "harness": harness.build,
    "file": harness.file,
    "diff": diff.build,
    "map": map.build,
    "scores": scores.build,
    "cost": cost.build,
    "training": training.build,
    "compare": comparing.build,
    "bisect": bisecting.build,
    "blob": event.blob,
}

SLOW = {"map", "compare", "bisect", "cost"}
"""Pages that read many events: they are built beside the screen, and shown when they are done."""


def build(moment: Moment, target: Target, width: int) -> Page:
    """The page that `target` names, folded to `width` cells."""
    return BUILDERS[target.kind](moment, target, width)
