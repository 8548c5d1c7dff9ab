"""Jumps: gains too large to be accepted without a person, where a candidate could have changed its own score.

A jump is a gain beyond `FACTOR` times all that the run has reason to expect: the size of the task's scores, known
before the run (`Settings.scale`, else the first candidate's score), and the largest gain accepted so far. Only
accepted gains count: each was ordinary or approved by a person, so no rejected candidate can raise the limit.
"""

from __future__ import annotations

from engine.core.state import State
from engine.events import types as t

FACTOR = 10.0


def is_asked(state: State) -> bool:
    """Whether a person is asked about jumps in this run."""
    return state.settings.scale is not None and state.settings.approve != "none"


def limit(state: State) -> float:
    """The largest gain that the run accepts without a person."""
    judged = [one.verdict for one in state.generations if one.verdict and one.verdict.accepted]
    scale = state.settings.scale or abs(_val(state, 1))
    return FACTOR * (max(scale, *(verdict.difference for verdict in judged), 0.0) or 1.0)


def reason(state: State, decided: t.GateDecided, generation: int) -> str:
    """Why the acceptance `decided` needs a person; empty if it does not."""
    if not (decided.accepted and is_asked(state)) or state.versions[generation].author == "person":
        return ""
    if decided.against is None:
        gain, what = (_val(state, generation) if state.settings.scale else 0.0), "a first score of {:.6g}"
    else:
        gain, what = decided.difference, f"a gain of {{:+.4f}} over generation {decided.against}"
    if gain <= (most := limit(state)):
        return ""
    return f"{what.format(gain)} is beyond {most:.4g}, the most that is accepted without a person"


def _val(state: State, generation: int) -> float:
    execution = state.of(generation).execution
    return execution.scores["val"].score if execution and "val" in execution.scores else 0.0
