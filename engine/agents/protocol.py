"""What an agent sees, what it may do, and what it must answer.

A `View` holds the scores of `val` as a whole and trajectories of `train` only: no agent reads a `val` label or a
score by item, nor anything of the sealed test. What an agent answers is recorded; a replay never asks again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from engine.events import types as t
from harness_repo.harness import Harness, Value


class Past(msgspec.Struct, frozen=True):
    """A generation that was judged: its score on `val` as a whole, and the gate's words."""

    n: int
    harness: str
    params: dict[str, Value]
    lever: t.Lever | None
    val: t.Score
    accepted: bool
    verdict: str


class View(msgspec.Struct, frozen=True):
    """All that an agent may know when generation `generation` has been judged.

    `attempt` counts the Improvements of this generation that came to nothing, `improvements` those of the whole run
    so far, however they ended. `declined` are the parameters of candidates to which a person said no.
    """

    generation: int
    improvements: int
    attempt: int
    settings: t.Settings
    incumbent: int
    harness: Harness
    past: Sequence[Past]
    train: Sequence[t.InstanceFinished]
    probes: Sequence[t.ProbeFinished]
    failed: Sequence[str]
    evidence: Sequence[int]
    declined: Sequence[dict[str, Value]] = ()


class Ask(msgspec.Struct, frozen=True):
    """A proposal to try on a held-out fold of `train`; `why` is for the reader of the log."""

    ordinal: int
    params: Mapping[str, Value]
    why: str


class Lab(Protocol):
    """Where proposals are tried."""

    async def probe(self, asks: Sequence[Ask]) -> list[t.ProbeFinished]:
        """Tries `asks` and returns their results in that order, fewer where the budget ends."""
        ...


class Proposal(msgspec.Struct, frozen=True):
    """The next candidate's harness. `changed` names what is new in a few words."""

    harness: Harness
    reason: str
    changed: str


class Nothing(msgspec.Struct, frozen=True):
    """No candidate came of this Improvement."""

    reason: str


class Agent(Protocol):
    """A Feedback-Agent. `name` is how the log calls it."""

    name: str

    async def analyse(self, view: View) -> t.AnalysisFinished:
        """Reads the run and chooses the lever."""
        ...

    async def improve(self, view: View, analysis: t.AnalysisFinished, lab: Lab) -> Proposal | Nothing:
        """Makes the next candidate from the incumbent."""
        ...
