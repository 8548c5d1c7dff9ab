"""Candidates: how one is made, approved by a person, and judged by the gate."""

from __future__ import annotations

from typing import Literal

import msgspec

from engine.events.types.base import Payload, event
from engine.events.types.settings import Lever

Answer = Literal["yes", "no", "edit"]


class Candidate(msgspec.Struct, frozen=True):
    """What a generation executes: a harness version (a commit), maybe an adapter, and the lever that made it.

    With `votes` it answers each instance so many times, and the answer given most often is its answer.
    """

    harness: str
    weights: str | None = None
    lever: Lever | None = None
    votes: int = 1


@event("generation.started")
class GenerationStarted(Payload, frozen=True):
    candidate: Candidate


@event("generation.finished")
class GenerationFinished(Payload, frozen=True):
    incumbent: int


@event("analysis.finished")
class AnalysisFinished(Payload, frozen=True):
    """An agent's findings and its lever; for weights also the algorithm and the values that it sets in the recipe.

    `notebook` is the whole notebook that the agent keeps from here on; empty leaves it as it was.
    """

    findings: str
    lever: Lever
    reason: str
    evidence: list[int] = []
    expected_gain: float | None = None
    algorithm: str = ""
    cost_estimate: str = ""
    wall_s: float = 0.0
    recipe: dict[str, bool | int | float | str] = {}
    notebook: str = ""

    def expected_of(self, version: HarnessWritten | None) -> float | None:
        """The gain that is expected of `version`; None where it is another, or is not known."""
        own = version and not version.alternative and version.author != "person"
        return self.expected_gain if own else None


@event("harness.written")
class HarnessWritten(Payload, frozen=True):
    """A harness version was created. Its commit id is a function of the other fields and the files.

    `alternative`: of several proposals it is another than the one that the Analysis decided on.
    """

    number: int
    commit: str
    tree: str
    parents: list[str]
    files: dict[str, str]
    author: str
    reason: str
    lever: Lever | None = None
    changed: str = ""
    alternative: bool = False

    def blobs(self) -> list[str]:
        return list(self.files.values())


@event("improvement.failed")
class ImprovementFailed(Payload, frozen=True):
    reason: str


@event("approval.asked")
class ApprovalAsked(Payload, frozen=True):
    """A candidate awaits a person's approval: before it is executed, or, with a `reason`, before it is accepted."""

    number: int
    commit: str
    reason: str = ""


@event("approval.given")
class ApprovalGiven(Payload, frozen=True):
    """A person's answer. `edit` is followed by the `harness.written` of the edited candidate."""

    number: int
    commit: str
    answer: Answer
    by: str
    reason: str = ""


class Look(msgspec.Struct, frozen=True):
    """One look of the gate: a test over `n` units, of which `changed` differ, at its part `alpha` of the level."""

    n: int
    changed: int
    difference: float
    se: float
    p: float
    alpha: float


@event("gate.looked")
class GateLooked(Payload, frozen=True):
    """The gate's first look, at `val`, in a run with a reserve. If it is `open`, the reserve is executed for a second.

    `level` is what both looks together may spend. Since rules 5; it comes within the Execution.
    """

    against: int
    level: float
    look: Look
    open: bool


@event("gate.decided")
class GateDecided(Payload, frozen=True):
    """The verdict on a candidate, paired with the incumbent on `val` under the same seeds.

    `n` counts the units of the test, and `unit` says what one is: "instance", "group" or "repeat"; it is empty under
    rules 1, where every (instance, repeat) is one. `comparison` names the two candidates with their differences, and
    `spent` is what the test took from the lineage's account of error: 0 where the account accepted, and where no result
    could have been an acceptance; None before rules 4, and where nothing was tested. An acceptance `beyond` the account
    is one that it could not pay for. In a run with a reserve `looks` has the looks that were taken, of which the last
    decides: `n`, `difference`, `se`, `p` and `alpha` are its. `level` is what all of them may spend.
    """

    accepted: bool
    reason: str
    test: str
    n: int
    difference: float = 0.0
    se: float = 0.0
    p: float = 1.0
    alpha: float = 0.0
    minimum_effect: float = 0.0
    against: int | None = None
    fixed: list[str] = []
    broken: list[str] = []
    unit: str = ""
    comparison: str = ""
    spent: float | None = None
    beyond: bool = False
    looks: list[Look] = []
    level: float | None = None


@event("account.read")
class AccountRead(Payload, frozen=True):
    """What other runs of the lineage have `spent` of its error, as far as this history did not say so.

    By the names of their comparisons. Since rules 4; it comes before the verdict that counts it, or, at any time, when
    a run is `removed` (its name) that alone said this. `live`: an engine was at work then, and wrote the event.
    """

    spent: dict[str, float]
    removed: str = ""
    live: bool = False
