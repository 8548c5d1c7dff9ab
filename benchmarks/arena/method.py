"""What a method of the arena is: it proposes candidates for a task until its budget is spent."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.arena.cell import Meter
from benchmarks.arena.task import Kind, Task

Play = Callable[[Task, int, Meter], None]
"""Plays a task with a seed: asks the meter for scores until it raises `BudgetSpent`, or returns when it gives up."""


class Method(NamedTuple):
    """A method. `pins` are what it needs from PyPI, in an environment of its own whose interpreter `play` is given.

    `kinds` are the kinds of tasks that it can play, and `sources` the files of this repository that decide how: cells
    of former versions are played again. `pins` are played as they are, unmodified.
    """

    name: str
    kinds: Sequence[Kind]
    bind: Callable[[Path | None], Play]
    pins: Sequence[str] = ()
    sources: Sequence[Path] = ()

    @property
    def version(self) -> str:
        """The pins, and a digest of the sources."""
        told = hashlib.sha256()
        for source in self.sources:
            told.update(source.read_bytes())
        return " ".join([*self.pins, told.hexdigest()[:12]])
