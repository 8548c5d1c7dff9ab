"""Waiting until others leave a device alone: bounded, and said."""

from __future__ import annotations

import time
from collections.abc import Callable

MOST_S = 60.0
QUIET = 2
"""Quiet samples in a row that end the waiting."""
Say = Callable[[str, float], None]


class Patience:
    """Waits at most `most_s` in all until a timing has succeeded again: a machine that stays busy costs that once.

    `is_quiet` takes a sample, while nothing of ours runs. `say` is told of each waiting, in a sentence, with the
    seconds that it may take from now.
    """

    def __init__(
        self, most_s: float, is_quiet: Callable[[], bool], say: Say, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._most_s = self._left_s = most_s
        self._is_quiet, self._say, self._now = is_quiet, say, now

    def renew(self) -> None:
        """The device was quiet: it may be waited for again."""
        self._left_s = self._most_s

    def wait(self, disturbed: str) -> bool:
        """Waits because of `disturbed`; False if the device did not become quiet, or may not be waited for again."""
        if self._left_s <= 0:
            return False
        self._say(f"{disturbed} during a timing; waiting up to {self._left_s:.0f} s for a quiet machine", self._left_s)
        quiet = 0
        while self._left_s > 0 and quiet < QUIET:
            since = self._now()
            quiet = quiet + 1 if self._is_quiet() else 0
            self._left_s -= self._now() - since
        self._say("the machine is quiet again" if quiet == QUIET else "no quiet machine; timed all the same", 0.0)
        return quiet == QUIET
