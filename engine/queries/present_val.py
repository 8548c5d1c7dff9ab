"""The `val` that a run is at, and the incumbent's score on it: where it is fresh, from its Execution beside another."""

from __future__ import annotations

from engine.core.state import State
from engine.events import types as t


def number(state: State) -> int:
    """The number of the `val` that the latest executed generation was judged on (`engine.core.rotation`)."""
    return state.rotation.number(max((one.n for one in state.generations if one.execution), default=1))


def all_failed(done: t.ExecutionFinished) -> bool:
    """Whether every result of an Execution failed, so that its score says nothing."""
    return 0 < sum(done.failures.values()) == done.evaluations + done.reused


def score(state: State) -> t.Score | None:
    """The incumbent's score on it; None before its first Execution."""
    if state.incumbent is None:
        return None
    latest = max((one.n for one in state.generations if one.execution), default=state.incumbent)
    at = state.rotation.executed_in(state.incumbent, latest)
    execution = state.of(at).execution
    if execution is None:
        return None
    return execution.scores.get("val") if at == state.incumbent else execution.incumbent
