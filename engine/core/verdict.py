"""The gate's verdict on a generation, as a function of the log alone."""

from __future__ import annotations

from engine.core import gate
from engine.core.results import Results
from engine.core.state import State
from engine.events import types as t


def verdict(
    state: State, results: Results, generation: int, *, against: int | None = None, rule: t.Gate | None = None
) -> t.GateDecided:
    """Compares the generation's candidate with the incumbent.

    Where the verifier is noisy, both are taken as measured in this generation. With `rule`, another gate decides, and
    `against` is the generation in the incumbent's place.
    """
    now, incumbent = state.of(generation), against if rule else state.incumbent
    if incumbent is None:
        score = now.execution.scores.get("val") if now.execution else None
        return gate.first_verdict(score, refused=fails_private_check(state, generation))
    rival = state.of(incumbent).candidate
    return gate.compare(
        results.val(generation, now.candidate),
        results.val(generation if state.settings.noisy else incumbent, rival),
        against=incumbent,
        gate=rule or state.settings.gate,
        generations=state.settings.generations,
        noisy=state.settings.noisy,
        rules=state.rules,
        groups=results.groups("val"),
        refused=fails_private_check(state, generation),
        rival_refused=fails_private_check(state, incumbent),
    )


def fails_private_check(state: State, generation: int) -> bool:
    """Whether the candidate of `generation` fails the private check."""
    execution = state.of(generation).execution
    return bool(execution and execution.private and not execution.private.passed)
