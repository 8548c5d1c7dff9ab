"""Decides what a run does next. Pure: the same history always gives the same decision.

    Execution -> gate -> (unless it was the last) Analysis -> Improvement -> the next generation

`run.started` pins the rules of a run, so that old logs keep their meaning.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from engine.core import budget, jump
from engine.core.state import Generation, State
from engine.errors import SiaError
from engine.events import types as t

RULES = 5
"""Rules 2 decide as rules 1 do; the gate and the scores count independent units (`units`). Since rules 3 a jump waits
for a person (`jump`). Since rules 4 a lineage has one account of error (`account`). Since rules 5 agents are told of
`val` on a ladder (`engine.steps.ladder`), one score wins only where it was measured to be deterministic
(`determinism`), the gate accepts nothing by timings beside others' work, and it may look twice (`gate`)."""
STEP_ATTEMPTS = 3
IMPROVEMENT_ATTEMPTS = 2
_REMEDY = "fix the cause, then `sia resume`"
_REMEDIES = {"verifier": "correct the task and start a new run; if its code is right, `sia resume`"}
"""A task whose code has changed is another task, in which a run is not resumed."""


class Append(msgspec.Struct, frozen=True):
    """Append an event; no effect."""

    generation: int
    payload: t.Payload


class ApplyGate(msgspec.Struct, frozen=True):
    """Append the gate's verdict on the generation's candidate, or the question whether a jump is true; no effect."""

    generation: int


class Perform(msgspec.Struct, frozen=True):
    """Perform a step that has effects."""

    kind: t.StepKind
    generation: int
    attempt: int


class AwaitApproval(msgspec.Struct, frozen=True):
    """Wait for a person's approval of candidate `number`."""

    number: int


class Halt(msgspec.Struct, frozen=True):
    """The run is paused, stopped, finished or failed."""


Decision = Append | ApplyGate | Perform | AwaitApproval | Halt


def decide(state: State) -> Decision:
    """The next decision under the rules that the run was started with."""
    rules = _RULES.get(state.rules)
    if rules is None:
        raise SiaError(
            f"this run follows rules {state.rules}, which this release does not know", "use the release that made it"
        )
    return rules(state)


def _decide_1(state: State) -> Decision:
    now, at = state.current, state.generation
    if state.status != "running":
        return Halt()
    if state.open_step is not None:
        step = state.open_step
        reason = "the engine ended before this step had a result"
        return Append(step.generation, t.StepAbandoned(step.kind, step.attempt, reason, step.evaluations))
    if state.failures >= STEP_ATTEMPTS and state.last_failure is not None:
        return Append(at, t.RunFailed(state.last_failure, _REMEDIES.get(state.last_failure.kind, _REMEDY)))
    if state.exhausted is not None:
        return Append(at, _finished(state, state.exhausted.reason))
    if (warning := budget.warning(state)) is not None:
        return Append(at, warning)
    if state.baseline is None:
        return _perform(state, "baseline", 0)
    if 1 not in state.versions:
        return _perform(state, "write", 0)
    if now is None:
        return _begin(state, 1)
    return _continue(state, now)


def _decide_3(state: State) -> Decision:
    """As rules 1 and 2, but a candidate whose gain is a jump is accepted by a person only."""
    decision, now = _decide_1(state), state.current
    if not isinstance(decision, ApplyGate) or now is None or not jump.is_asked(state):
        return decision
    if state.awaiting == now.n:
        return AwaitApproval(now.n)
    if state.incumbent is None and state.answer and state.answer.answer != "yes":
        return Append(now.n, t.RunFinished(f"{state.answer.by} declined the first candidate", None))
    return decision


def _begin(state: State, n: int) -> Decision:
    version = state.versions[n]
    votes = state.settings.generations if state.settings.lever == "best-of-n" else 1
    candidate = t.Candidate(version.commit, state.adapters.get(n), version.lever, votes)
    return Append(n, t.GenerationStarted(candidate))


def _continue(state: State, now: Generation) -> Decision:
    if now.execution is None:
        return _affordable(state, now.n) or _perform(state, "execute", now.n)
    if now.verdict is None:
        return ApplyGate(now.n)
    last, successor = now.n >= last_generation(state.settings), now.n + 1 in state.versions
    if successor and not last and (waiting := _approval(state, now.n + 1)) is not None:
        return waiting
    if (last or successor) and not now.finished:
        return Append(now.n, t.GenerationFinished(incumbent=state.incumbent or now.n))
    if last:
        return Append(
            now.n, _finished(state, f"all {now.n} generations are done" if now.n > 1 else "the one generation is done")
        )
    if successor:
        return _begin(state, now.n + 1)
    if gave_up(state):
        return Append(now.n, _finished(state, f"no further candidate was found, since {now.failed_improvements[-1]}"))
    return _affordable(state, now.n) or _perform(state, "improve" if now.analysis else "analyse", now.n)


def gave_up(state: State) -> bool:
    """Whether the agent found no further candidate; a run that ended so can be resumed as it is."""
    return state.fruitless >= IMPROVEMENT_ATTEMPTS


def last_generation(settings: t.Settings) -> int:
    """The generation after which a run is done: best-of-n spends all of its generations on the first candidate."""
    return 1 if settings.lever == "best-of-n" else settings.generations


def _approval(state: State, number: int) -> Append | AwaitApproval | None:
    """The approval that a candidate needs before its execution, where the run asks for one."""
    version, policy = state.versions[number], state.settings.approve
    if version.author == "person" or policy not in ("all", version.lever) or state.approved == number:
        return None
    if state.awaiting == number:
        return AwaitApproval(number)
    return Append(number - 1, t.ApprovalAsked(number, version.commit))


def _affordable(state: State, generation: int) -> Append | None:
    refused = budget.refusal(state)
    return Append(generation, refused) if refused else None


def _perform(state: State, kind: t.StepKind, generation: int) -> Perform:
    return Perform(kind, generation, state.attempts + 1)


def _finished(state: State, end: str) -> t.RunFinished:
    return t.RunFinished(reason=f"{end}; {outcome(state)}", generation=state.incumbent)


def standing(state: State) -> str:
    """The run's progress in one sentence: how it ended, or how far it is."""
    if state.reason:
        return state.reason
    now = state.current
    if state.awaiting is not None:
        return f"candidate {state.awaiting} needs a person's approval" + (f": {state.held}" if state.held else "")
    if now is None or state.incumbent is None:
        return "the first candidate has no verdict yet"
    return f"generation {now.n} of {state.settings.generations}; the best so far is generation {state.incumbent}"


def outcome(state: State) -> str:
    """The run's outcome in one sentence; where nothing improved, why."""
    judged = [one for one in state.generations if one.verdict and one.verdict.test != "none"]
    best = state.incumbent
    if best is None:
        return "no candidate was executed"
    if best > 1:
        return f"generation {best} is the best of {len(judged) + 1} candidates"
    if not judged:
        return "nothing improved: only the first candidate was executed"
    closest = max(judged, key=lambda one: one.verdict.difference if one.verdict else 0.0)
    verdict = closest.verdict.reason.removeprefix("rejected: ") if closest.verdict else ""
    broken = sum(bool(one.execution and one.execution.failures) for one in judged)
    if len(judged) == 1:
        failing = "; it failed on some instances" if broken else ""
        return f"nothing improved: the only new candidate was generation {closest.n} ({verdict}){failing}"
    failing = f"; {broken} of them failed on some instances" if broken else ""
    return (
        f"nothing improved: of {len(judged)} new candidates the closest was generation {closest.n} ({verdict}){failing}"
    )


_COUNTED = (
    ("the one generation is done", "all 1 generations are done"),
    ("the only new candidate was", "of 1 new candidates the closest was"),
    ("; it failed on some instances", "; 1 of them failed on some instances"),
)


def counted_as_before(reason: str) -> str:
    """Why a run was finished, as earlier releases wrote it in the log: to them one was many."""
    for now, before in _COUNTED:
        reason = reason.replace(now, before)
    return reason


_RULES: dict[int, Callable[[State], Decision]] = {1: _decide_1, 2: _decide_1, 3: _decide_3, 4: _decide_3, 5: _decide_3}
