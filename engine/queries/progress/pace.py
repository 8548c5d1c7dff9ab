"""How long the steps of a history took, and what the step that is open has done so far: folded from its milestones."""

from __future__ import annotations

from typing import Self

import msgspec
from msgspec.structs import replace

from engine.events import types as t
from engine.events.event import Event


class Took(msgspec.Struct, frozen=True):
    """How many there were, and the seconds that they took together."""

    count: float = 0
    seconds: float = 0.0

    def plus(self, count: float, seconds: float) -> Self:
        """With `count` more, which took `seconds`."""
        return type(self)(self.count + count, self.seconds + max(0.0, seconds))

    @property
    def mean(self) -> float | None:
        """Seconds for one; None where there was none."""
        return self.seconds / self.count if self.count else None


class OpenWork(msgspec.Struct, frozen=True):
    """What a step that is open has done. Times are in microseconds since 1970.

    `ready` is when its harness was prepared, 0 before, and later by what it took to prepare it again (a harness is
    prepared for each sample); all that took `prepared_s` seconds. `round` is the training's; `rollouts` are those of
    this round.
    `retried` is the call of a model that is to be sent again, and `retried_at` when that was said.
    """

    kind: t.StepKind
    begun: int
    ready: int = 0
    prepared_s: float = 0.0
    calls: int = 0
    probes: int = 0
    best_probe: t.Score | None = None
    round: int = 0
    rollouts: int = 0
    retried: t.ModelRetried | None = None
    retried_at: int = 0


class Pace(msgspec.Struct, frozen=True):
    """`steps` by kind that ended with a result; `evaluated` are the fresh evaluations of finished Executions,
    and `preparing` is what they spent on their harnesses, counted by Executions.
    """

    steps: dict[t.StepKind, Took] = {}
    evaluated: Took = Took()
    preparing: Took = Took()
    rounds: Took = Took()
    open: OpenWork | None = None

    def after(self, event: Event) -> Pace:
        """The pace after one more event."""
        payload, work = event.payload, self.open
        if isinstance(payload, t.StepStarted):
            return replace(self, open=OpenWork(payload.kind, event.at))
        if work is None:
            return self
        if isinstance(payload, t.StepFailed | t.StepAbandoned | t.RunForked):
            return replace(self, open=None)
        if isinstance(payload, _RESULTS):
            seconds = (event.at - work.begun) / 1e6
            steps = {**self.steps, work.kind: self.steps.get(work.kind, Took()).plus(1, seconds)}
            evaluated, preparing = self.evaluated, self.preparing
            if isinstance(payload, t.ExecutionFinished):
                since = work.ready or work.begun  # where all was reused, nothing was prepared
                evaluated = evaluated.plus(payload.evaluations, (event.at - since) / 1e6 * bool(payload.evaluations))
                preparing = preparing.plus(1, work.prepared_s) if work.ready else preparing
            return replace(self, steps=steps, evaluated=evaluated, preparing=preparing, open=None)
        return self._inside(event, work)

    def _inside(self, event: Event, work: OpenWork) -> Pace:
        match event.payload:
            case t.HarnessPrepared() as made if work.kind == "execute":
                ready = work.ready + int(made.wall_s * 1e6) if work.ready else event.at
                return replace(self, open=replace(work, ready=ready, prepared_s=work.prepared_s + made.wall_s))
            case t.ModelRetried() as retried:
                return replace(self, open=replace(work, retried=retried, retried_at=event.at))
            case t.ModelCalled(role=role) if role != "talk":
                return replace(self, open=replace(work, calls=work.calls + 1, retried=None))
            case t.ProbeFinished(score=score, stopped=stopped):
                better = stopped is None and (work.best_probe is None or score.score > work.best_probe.score)
                best = score if better else work.best_probe
                return replace(self, open=replace(work, probes=work.probes + 1, best_probe=best))
            case t.TrainingProgress(round=number, evaluations=count):
                before = work.rollouts if number == work.round else 0
                return replace(self, open=replace(work, round=number, rollouts=before + count))
            case t.TrainingCheckpointed(round=number):
                done = replace(work, round=number + 1, rollouts=0, ready=event.at)
                seconds = (event.at - (work.ready or work.begun)) / 1e6
                return replace(self, open=done, rounds=self.rounds.plus(1, seconds))
            case _:
                return self


_RESULTS = (
    t.BaselineMeasured,
    t.HarnessWritten,
    t.ExecutionFinished,
    t.AnalysisFinished,
    t.WeightsTrained,
    t.ImprovementFailed,
    t.TestUnsealed,
)
"""What ends a step with its result."""
TIMED = [
    kind.type
    for kind in (
        *_RESULTS,
        t.StepStarted,
        t.StepFailed,
        t.StepAbandoned,
        t.RunForked,
        t.HarnessPrepared,
        t.TrainingProgress,
        t.TrainingCheckpointed,
    )
]
"""The events that say how long finished steps took."""


def joined(paces: list[Pace]) -> Pace:
    """What several histories took, of which none has an open step."""
    kinds = {kind for pace in paces for kind in pace.steps}
    return Pace(
        {kind: _sum([pace.steps.get(kind, Took()) for pace in paces]) for kind in kinds},
        _sum([pace.evaluated for pace in paces]),
        _sum([pace.preparing for pace in paces]),
        _sum([pace.rounds for pace in paces]),
    )


def _sum(parts: list[Took]) -> Took:
    return Took(sum(one.count for one in parts), sum(one.seconds for one in parts))
