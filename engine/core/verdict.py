"""The gate's decision on a generation, as a function of the log alone."""

from __future__ import annotations

from engine.core import gate
from engine.core.results import Results
from engine.core.state import State
from engine.events import types as t


def verdict(
    state: State, results: Results, generation: int, *, against: int | None = None, rule: t.Gate | None = None
) -> t.GateDecided:
    """Compares the generation's candidate with the incumbent; where the verifier is noisy, on this generation's own
    measurement of both. `against` and `rule` put another generation, and another gate, in their place."""
    now, incumbent = state.of(generation), against if rule else state.incumbent
    if incumbent is None:
        score = now.execution.scores.get("val") if now.execution else None
        return gate.first(score, refused=failed_check(state, generation))
    rival = state.of(incumbent).candidate
    return gate.judge(
        results.val(generation, now.candidate),
        results.val(generation if state.set.noisy else incumbent, rival),
        against=incumbent,
        gate=rule or state.set.gate,
        generations=state.set.generations,
        noisy=state.set.noisy,
        refused=failed_check(state, generation),
        rival_refused=failed_check(state, incumbent),
    )


def failed_check(state: State, generation: int) -> bool:
    """Whether the candidate of `generation` has failed the private check."""
    execution = state.of(generation).execution
    return bool(execution and execution.private and not execution.private.passed)
