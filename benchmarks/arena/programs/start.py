"""A task of programs, made of its start, its scorer and the words for a language model."""

from __future__ import annotations

import functools
import textwrap

from benchmarks.arena.programs.program import Score, judged
from benchmarks.arena.task import Mode, Task

GROUP = "program-tasks"


def task(
    name: str,
    about: str,
    start: str,
    score: Score,
    hidden: Score | None = None,
    *,
    best: float | None = None,
    tolerance: float = 1e-4,
    group: str = GROUP,
    mode: Mode = "changes",
) -> Task:
    """The task that begins with the program `start`, whatever the seed. A program that fails scores 0."""
    program = textwrap.dedent(start).strip() + "\n"
    return Task(
        name,
        group,
        lambda text: judged(text, score)[0],
        lambda seed: program,
        kind="program",
        best=best,
        tolerance=tolerance,
        honest=(lambda text: judged(text, hidden)[0]) if hidden else None,
        about=" ".join(about.split()),
        judge=functools.partial(judged, score=score),
        mode=mode,
    )
