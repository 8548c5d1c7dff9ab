"""A task of the arena: what may be proposed, how it is scored, and what is known of its best score."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple

from benchmarks.arena.cell import Candidate
from harness_repo.tunable import Tunable

Space = Mapping[str, Tunable]
"""Tunables by name: what a search varies, as a harness of the product declares it."""
Kind = Literal["values", "program"]
Mode = Literal["changes", "returns", "comments"]
"""What the proposer does with a program: it changes it, gives it back as it was given, or changes a comment alone."""
Judge = Callable[[str], tuple[float, str]]
"""The score of a program, and why it failed, or an empty text."""


class Reference(NamedTuple):
    """What a method outside the contest reaches, with as many evaluations as it took."""

    name: str
    score: float
    evaluations: int


class Task(NamedTuple):
    """A task; higher scores are better, and a score never depends on anything but the candidate.

    `kind` says what a candidate is: values of `space`, or the text of a program. `start` is the candidate that every
    method begins with, from the seed. `best` is the best possible score, or None where it is not known. A difference
    below `tolerance` counts as none. `honest` scores a winner on what no method has seen. `floor` runs a reference.

    A task of programs says what it is `about` in a paragraph for language models, has a `judge`, and says what the
    proposer does (`mode`).
    """

    name: str
    group: str
    score: Callable[[Candidate], float]
    start: Callable[[int], Candidate]
    space: Space = {}  # noqa: RUF012 - never changed
    kind: Kind = "values"
    best: float | None = None
    tolerance: float = 1e-9
    honest: Callable[[Candidate], float] | None = None
    floor: Callable[[], Reference] | None = None
    about: str = ""
    judge: Judge | None = None
    mode: Mode = "changes"
