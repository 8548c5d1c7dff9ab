"""The small files of a simulated workspace, in memory: the tips, and the locks of its runs.

As files they would cost more than what a history plays.
"""

from __future__ import annotations

from engine.events.tips import Tip
from tests.simulation.world import roll


class Tips:
    """The tip of each run as it is `now`; None where it cannot be read."""

    def __init__(self) -> None:
        self.now: dict[str, Tip | None] = {}
        self._former: dict[str, Tip | None] = {}
        self._image: dict[str, Tip | None] = {}

    @property
    def readable(self) -> dict[str, Tip]:
        """All that can be read."""
        return {run: tip for run, tip in self.now.items() if tip is not None}

    def write(self, run: str, tip: Tip) -> None:
        """Replaces the tip of a run."""
        self._former[run] = self.now.get(run)
        self.now[run] = tip

    def keep(self) -> None:
        """Keeps the tips as they are now: what is written afterwards is lost."""
        self._image = dict(self.now)

    def forget(self, chance: float) -> None:
        """Of those that were kept, some are the former ones, and some are empty, as none was synced."""
        for run, former in self._former.items():
            if (fate := roll(chance, run)) < 0.5:
                self._image[run] = former if fate < 0.25 else None

    def restore(self) -> None:
        """Brings back what was kept."""
        self.now = self._image
        self._former.clear()


class Lock:
    """A lock of a run that its engine holds; it stands for `filelock.FileLock`."""

    def __init__(self, held: dict[str, Lock], run: str) -> None:
        self._held, self._run = held, run

    def release(self) -> None:
        """Lets the next engine hold the run, unless one already does."""
        if self._held.get(self._run) is self:
            del self._held[self._run]
