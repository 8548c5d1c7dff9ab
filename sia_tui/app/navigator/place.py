"""Places as values, and the trail of places that back and forward move along."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

from sia_tui.app.rows.row import Target


class Pane(IntEnum):
    """The panes of the main screen, from left to right."""

    LINEAGE = 0
    TIMELINE = 1
    INSPECTOR = 2


class Place(NamedTuple):
    """A run of a log, by label and id; its generation and event (None: all, the head); a pane; the open pages."""

    source: str
    run_id: str
    generation: int | None
    until: int | None
    pane: Pane
    pages: tuple[Target, ...]


class Trail:
    """The places before and after the one that is shown."""

    def __init__(self) -> None:
        self._back: list[Place] = []
        self._forward: list[Place] = []

    def record(self, place: Place) -> None:
        """Adds the place that is about to be left; the places ahead of it are dropped."""
        if not self._back or self._back[-1] != place:
            self._back.append(place)
        self._forward.clear()

    def move(self, by: int, current: Place) -> Place | None:
        """The place before (-1) or after (1) `current`; None where there is none."""
        origin, other = (self._back, self._forward) if by < 0 else (self._forward, self._back)
        while origin and origin[-1] == current:
            origin.pop()
        if not origin:
            return None
        other.append(current)
        return origin.pop()
