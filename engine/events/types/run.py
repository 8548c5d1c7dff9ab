"""A run as a whole: start, pause, fork and end, and its budget."""

from __future__ import annotations

from typing import Any

import msgspec

from engine.events.types.base import Payload, event
from engine.events.types.settings import DomainRef, Settings
from engine.failure import Failure


class Known(msgspec.Struct, frozen=True):
    """Values that did well in the earlier `run` called `name`, and their `score` on its fold of train."""

    run: str
    name: str
    params: dict[str, bool | int | float | str]
    score: float


@event("run.started")
class RunStarted(Payload, frozen=True):
    """The first event of a run. `known` are values of earlier runs that are tried first, in this order."""

    rules: int
    name: str
    domain: DomainRef
    settings: Settings
    isolation: dict[str, Any] = {}
    versions: dict[str, str] = {}
    known: list[Known] = []


@event("run.forked")
class RunForked(Payload, frozen=True):
    """A new run that shares its parent's history up to event `at`.

    `settings` replaces the parent's where something was changed. `branch` makes that generation's candidate the
    incumbent, whether the gate had accepted it or not.
    """

    name: str
    parent: str
    at: int
    settings: Settings | None = None
    branch: int | None = None


@event("run.paused")
class RunPaused(Payload, frozen=True):
    by: str


@event("run.resumed")
class RunResumed(Payload, frozen=True):
    versions: dict[str, str] = {}
    isolation: dict[str, Any] = {}
    settings: Settings | None = None


@event("run.stopped")
class RunStopped(Payload, frozen=True):
    by: str


@event("run.finished")
class RunFinished(Payload, frozen=True):
    reason: str
    generation: int | None = None


@event("run.failed")
class RunFailed(Payload, frozen=True):
    failure: Failure
    remedy: str = ""


@event("run.renamed")
class RunRenamed(Payload, frozen=True):
    """The run has another name from here on."""

    name: str


@event("run.relinked")
class RunRelinked(Payload, frozen=True):
    """The folder of the domain, or its data, lies elsewhere from here on; they hold the same."""

    source: str
    data: str = ""


@event("run.noted")
class RunNoted(Payload, frozen=True):
    """A person's note. It has no effect."""

    text: str


@event("run.hinted")
class RunHinted(Payload, frozen=True):
    """A person's words to the Feedback-Agent, which reads them from its next Analysis on.

    `live`: an engine was at work, and wrote the event.
    """

    text: str
    by: str
    live: bool = False


@event("loss.accepted")
class LossAccepted(Payload, frozen=True):
    """A person goes on without events that were lost: `n` and `hash` are of the last that was once written."""

    n: int
    hash: str
    by: str


@event("budget.warned")
class BudgetWarned(Payload, frozen=True):
    resource: str
    share: float
    spent: float
    cap: float


@event("budget.exhausted")
class BudgetExhausted(Payload, frozen=True):
    resource: str
    spent: float
    cap: float
    reason: str
