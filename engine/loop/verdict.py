"""The gate's decision on a generation, as a function of the log alone."""

from __future__ import annotations

from engine.events import types as t
from engine.loop import gate
from engine.loop.results import Results
from engine.loop.state import State


def verdict(state: State, results: Results, generation: int) -> t.GateDecided:
    """Compares the generation's candidate with the incumbent; where the verifier is noisy, on this generation's own
    measurement of both."""
    now, incumbent = state.of(generation), state.incumbent
    if incumbent is None:
        return gate.first(now.execution.scores.get("val") if now.execution else None)
    rival = state.of(incumbent).candidate
    return gate.judge(
        results.val(generation, now.candidate),
        results.val(generation if state.set.noisy else incumbent, rival),
        against=incumbent,
        gate=state.set.gate,
        generations=state.set.generations,
        noisy=state.set.noisy,
    )
