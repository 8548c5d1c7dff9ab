"""What a run is doing at an event, how far it is, and how long that will take; None where it is not known.

One model for the status line, the dashboard, the plain lines and the title of the terminal.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from engine.core import budget
from engine.core.decide import last_generation
from engine.core.state import State
from engine.events import types as t
from engine.queries.progress.pace import OpenWork, Pace
from engine.queries.progress.tally import Tally, executing

Doing = Literal[
    "baseline", "write", "prepare", "execute", "analyse", "improve", "train", "test", "server", "approval", ""
]
"""`prepare` is what an Execution begins with; `server` waits for a model's server, `approval` for a person."""
TRUSTED = 8
"""So many fresh results of this step say how fast it is; before that, the lineage's earlier ones do."""


class Progress(msgspec.Struct, frozen=True):
    """`done` of `total` units of work, and times in seconds, both as of the event `at` (microseconds since 1970).

    `score` is the candidate's on `val` so far, or the best probe's. `begun` is when the step started. `run_left_s` is
    all that is known to be left of the run; `run_known` is false where parts of it are not known, so that it is more.
    `reason` says what is waited for: `server` names the model that gives no reply, `since` when that was noticed.
    """

    doing: Doing = ""
    generation: int = 0
    generations: int = 0
    done: int = 0
    total: int | None = None
    score: t.Score | None = None
    failed: int = 0
    calls: int = 0
    begun: int = 0
    each_s: float | None = None
    left_s: float | None = None
    run_left_s: float | None = None
    run_known: bool = False
    reason: str = ""
    server: str = ""
    since: int = 0

    @property
    def share(self) -> float | None:
        """How much of the step is done, from 0 to 1; None where that is not known."""
        return min(1.0, self.done / self.total) if self.total else None


def progress(state: State, pace: Pace, tally: Tally, earlier: Pace | None = None) -> Progress:
    """The progress at an event. `earlier` is what other runs of the task took, for what this one has not done yet."""
    if at_rest(state):
        return halted(state, tally)
    known = _Known(state, pace, earlier or Pace())
    doing, work = _doing(state, pace.open), pace.open
    done, total = _amount(state, work, doing)
    each, left = known.step(work, done, total)
    found = Progress(
        doing=doing,
        generation=state.generation,
        generations=last_generation(state.settings),
        done=done,
        total=total,
        score=_score(state, work, tally),
        failed=tally.failed if doing in ("execute", "prepare", "server") else 0,
        calls=work.calls if work else 0,
        begun=work.begun if work else 0,
        each_s=each,
        left_s=left,
        reason=_reason(state, work, doing),
        server=work.retried.weights if work and work.retried and doing == "server" else "",
        since=work.retried_at if work and doing == "server" else 0,
    )
    if not doing:
        found = halted(state, tally, found)
    run_left, run_known = known.run(work, left)
    return msgspec.structs.replace(found, run_left_s=run_left, run_known=run_known)


def halted(state: State, tally: Tally, found: Progress | None = None) -> Progress:
    """`found` between two steps, or at rest, with how far the Execution is that goes on in its next attempt."""
    found = found or Progress(generation=state.generation)
    if executing(state) is None or not state.executed:
        return found
    done, total, score = state.executed, execution_total(state), tally.score(state.settings.repeats)
    return msgspec.structs.replace(found, done=done, total=total, score=score, failed=tally.failed)


def at_rest(state: State) -> bool:
    """Whether nothing is done: then nothing is asked of times."""
    return state.status == "new" or (state.status != "running" and state.open_step is None)


def _doing(state: State, work: OpenWork | None) -> Doing:
    if state.awaiting is not None:
        return "approval"
    if work is None or state.open_step is None:
        return ""
    if work.retried is not None:
        return "server"
    if work.kind == "execute" and not work.ready and not state.open_step.evaluations:
        return "prepare"
    if work.kind == "improve" and _trains(state):
        return "train"
    return work.kind


def _trains(state: State) -> bool:
    analysis = state.current.analysis if state.current else None
    return analysis is not None and analysis.lever == "weights"


def _amount(state: State, work: OpenWork | None, doing: Doing) -> tuple[int, int | None]:
    """What the open step has done, and of how many units; None where it has none, or they are not known."""
    if work is None:
        return 0, None
    if work.kind == "execute":
        return state.executed, execution_total(state)
    if _trains(state) and work.kind == "improve":
        recipe = state.current.analysis.recipe if state.current and state.current.analysis else {}
        rounds = recipe.get("rounds")
        return max(0, work.round - 1), int(rounds) if isinstance(rounds, int) else None
    if work.kind == "improve":
        return work.probes, state.settings.probes if not state.settings.agent_model else None
    return 0, None


def execution_total(state: State) -> int | None:
    """Of how many results the Execution is that is under way; None once they are more than can be told before.

    Where the run measures whether its one score is noise, the first candidate is executed a known number of times, and
    each later one again only if its first score is better.
    """
    from engine.core import determinism  # the app's first paint does without

    look = state.current.look if state.current else None
    total = budget.execution_cost(state) + (budget.reserve_cost(state) if look and look.open else 0)
    if not determinism.is_measured(state):
        return total
    if state.incumbent is None:
        return total + determinism.FIRST - 1
    return total if state.executed < total else None


def _score(state: State, work: OpenWork | None, tally: Tally) -> t.Score | None:
    if work is None:
        return None
    return tally.score(state.settings.repeats) if work.kind == "execute" else work.best_probe


def _reason(state: State, work: OpenWork | None, doing: Doing) -> str:
    if doing == "approval":
        return state.held
    return work.retried.reason if work and work.retried and doing == "server" else ""


class _Known:
    """What is known of times: of this history, else of earlier runs."""

    def __init__(self, state: State, pace: Pace, earlier: Pace) -> None:
        self._state, self._pace, self._earlier = state, pace, earlier

    def _took(self, kind: t.StepKind) -> float | None:
        for pace in (self._pace, self._earlier):
            if kind in pace.steps:
                return pace.steps[kind].mean
        return None

    @property
    def _each(self) -> float | None:
        """Seconds for a fresh evaluation of an Execution."""
        mean = self._pace.evaluated.mean
        return self._earlier.evaluated.mean if mean is None else mean

    def step(self, work: OpenWork | None, done: int, total: int | None) -> tuple[float | None, float | None]:
        """Seconds for a unit of the open step, and those that it will still take, at the last event."""
        step = self._state.open_step
        if work is None or step is None or self._state.awaiting is not None:
            return None, None
        spent = (step.started_at - work.begun) / 1e6  # `started_at` moves with each event
        if work.kind == "execute":
            each = self._each if self._pace_now is None else self._pace_now
            if each is None or total is None:
                return each, None
            prepared = work.prepared_s if work.ready else spent
            return each, max(0, total - done) * each + max(0.0, (self._preparing or 0.0) - prepared)
        if work.kind == "improve" and not work.round and work.probes and total:
            each = spent / work.probes
            return each, max(0, total - done) * each
        if work.kind == "improve" and work.round and (mean := self._pace.rounds.mean or self._earlier.rounds.mean):
            inside = (step.started_at - (work.ready or work.begun)) / 1e6
            return mean, None if total is None else max(0.0, (total - done) * mean - inside)
        took = self._took(work.kind)
        return None, None if took is None else max(0.0, took - spent)

    @property
    def _preparing(self) -> float | None:
        """Seconds that the preparations of an Execution take together."""
        work, mean = self._pace.open, self._pace.preparing.mean or self._earlier.preparing.mean
        return work.prepared_s if mean is None and work else mean

    def run(self, work: OpenWork | None, left: float | None) -> tuple[float | None, bool]:
        """Seconds that are known to be left of the run, and whether that is all."""
        parts = [*([left] if work else []), *self._further(work.kind if work else "")]
        known = [one for one in parts if one is not None]
        return (sum(known) if known or not parts else None), len(known) == len(parts)

    def _further(self, kind: str) -> list[float | None]:
        """What each step will take that follows the open one, which is of `kind`."""
        state, now = self._state, self._state.current
        if state.status != "running":  # a reading of the sealed test
            return []
        first: list[t.StepKind] = []
        if state.baseline is None and kind != "baseline":
            first.append("baseline")
        if 1 not in state.versions and kind != "write":
            first.append("write")
        last = last_generation(state.settings)
        improvements = max(0, last - max(1, state.generation))
        written = now is not None and now.n + 1 in state.versions
        executed = state.generation - (now is not None and now.execution is None and kind != "execute")
        analysed = written or kind in ("analyse", "improve") or bool(now and now.analysis)
        improved = written or kind == "improve"
        return [
            *map(self._took, first),
            *[self._execution()] * max(0, last - executed),
            *[self._took("analyse")] * (improvements - analysed),
            *[self._took("improve")] * (improvements - improved),
        ]

    def _execution(self) -> float | None:
        """Seconds for a whole Execution."""
        each = self._pace_now if self._each is None else self._each
        return None if each is None else budget.execution_cost(self._state) * each + (self._preparing or 0.0)

    @property
    def _pace_now(self) -> float | None:
        """Seconds for a fresh evaluation of the Execution that is open, once there are enough."""
        step, work = self._state.open_step, self._pace.open
        if step is None or work is None or work.kind != "execute" or step.evaluations < TRUSTED:
            return None
        return (step.started_at - (work.ready or work.begun)) / 1e6 / step.evaluations
