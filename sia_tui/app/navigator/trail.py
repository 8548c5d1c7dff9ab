"""Where a person is, as a value: what back and forward go through."""

from __future__ import annotations

from typing import NamedTuple

from sia_tui.app.rows.row import Target


class Place(NamedTuple):
    """A source by its label, a run, a generation or none, an event or the head, a pane, and the inspector's pages."""

    source: str
    run: str
    generation: int | None
    until: int | None
    pane: int
    pages: tuple[Target, ...]


class Trail:
    """Places before and after the one that is shown."""

    def __init__(self) -> None:
        self._back: list[Place] = []
        self._forward: list[Place] = []

    def leave(self, place: Place) -> None:
        """Remembers `place`; what lay ahead is given up."""
        if not self._back or self._back[-1] != place:
            self._back.append(place)
        self._forward.clear()

    def move(self, by: int, now: Place) -> Place | None:
        """The place one back (-1) or forward (1) of `now`; None where there is none."""
        origin, other = (self._back, self._forward) if by < 0 else (self._forward, self._back)
        while origin and origin[-1] == now:
            origin.pop()
        if not origin:
            return None
        other.append(now)
        return origin.pop()
