"""How often a screen looks at the logs: closely while something happens, and seldom once nothing has for a while."""

from __future__ import annotations

import time
from collections.abc import Callable

from textual.screen import Screen

TICK_S, SELDOM_S = 0.1, 0.25
"""Seconds between two looks."""
CALM_S = 2.0
"""So long after the last thing that happened the looks become seldom: each wakes the process."""


class Pulse:
    """Calls `tick` at intervals as long as `screen` lives."""

    def __init__(self, screen: Screen[None], tick: Callable[[], None]) -> None:
        self._tick = tick
        self._happened_at = time.monotonic()
        self._closely = screen.set_interval(TICK_S, tick)
        screen.set_interval(SELDOM_S, self._tick_seldom)

    def happened(self) -> None:
        """Looks closely from now on."""
        self._happened_at = time.monotonic()
        self._closely.resume()

    def _tick_seldom(self) -> None:
        if time.monotonic() - self._happened_at >= CALM_S:
            self._closely.pause()
            self._tick()
