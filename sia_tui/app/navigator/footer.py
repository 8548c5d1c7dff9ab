"""The keys that matter where the user is, the most important first."""

from __future__ import annotations

from collections.abc import Iterable

from sia_tui.app.navigator.availability import unavailable
from sia_tui.app.navigator.navigator import Navigator
from sia_tui.app.navigator.place import Pane

_TIMELINE = ("open", "filter", "fork", "replay", "back_event", "next_event", "fold", "hold", "go")
_LINEAGE_RUN = ("open", "branch", "scores", "map", "new", "runs", "mark", "cost")
_LINEAGE_GENERATION = ("open", "verdict", "branch", "diff", "files", "analysis", "edit", "mark")
_PAGES: dict[str, tuple[str, ...]] = {
    "run": ("open", "scores", "map", "cost", "training"),
    "generation": ("open", "verdict", "diff", "files", "analysis", "branch", "edit"),
    "verdict": ("open", "sort", "part", "bisect", "diff", "analysis", "map"),
    "map": ("open", "bisect", "verdict"),
    "instance": ("open", "bisect", "copy", "verdict", "outside"),
    "bisect": ("open", "diff", "copy"),
    "event": ("open", "outside", "copy", "fork"),
    "harness": ("open", "outside", "diff", "edit", "copy"),
    "file": ("outside", "copy", "diff", "edit"),
    "diff": ("outside", "copy", "files", "edit", "verdict"),
    "analysis": ("open", "diff", "verdict", "outside", "copy"),
}
_ANY_PAGE = ("open", "copy", "outside")
_AT_REST = ("interrupted", "paused", "stopped")
"""What a run is that has more to do, and that only the user goes on with."""


def footer(navigator: Navigator) -> list[str]:
    """The ids of the keys that are available and matter here: what waits for the user, time, then what is shown."""
    return list(dict.fromkeys(one for one in _wanted(navigator) if not unavailable(one, navigator)))


def _wanted(navigator: Navigator) -> Iterable[str]:
    cursor = navigator.cursor
    if cursor is None:
        return ("new", "setup")
    urgent = ["approve"]  # where no candidate waits, it is not available
    if navigator.status_now in _AT_REST:
        urgent.append("pause")
    if not cursor.at_head:
        urgent.append("tail")
    if len(navigator.marks) > 0:
        urgent.append("compare")
    running = ("pause", "stop") if navigator.status_now == "running" else ()
    return (*urgent, *_here(navigator), *running)


def _here(navigator: Navigator) -> tuple[str, ...]:
    if navigator.pane == Pane.TIMELINE:
        return _TIMELINE
    if navigator.pane == Pane.INSPECTOR:
        page = navigator.pages.target
        return (*_PAGES.get(page.kind if page else "", _ANY_PAGE), "close")
    return _LINEAGE_GENERATION if navigator.generation else _LINEAGE_RUN
