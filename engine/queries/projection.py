"""What a run will have cost at its end, from what its generations cost so far."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engine.core.state import State

RESOURCES = ("evaluations", "tokens", "usd")


def projection(state: State, generations: Sequence[Mapping[str, Any]]) -> dict[str, float] | None:
    """The evaluations, tokens and dollars of the whole run, if each generation that is left costs the mean so far.

    `generations` has what was spent in each, by its `n`. Fresh and reused evaluations are apart: this counts fresh
    ones. `generations` of the reply is how many are planned. None before a generation is finished, and where none is
    left. A generation under way counts what it has spent already, if that is more than the mean.
    """
    planned = 1 if state.settings.lever == "best-of-n" else state.settings.generations
    done = {one.n for one in state.generations if one.finished}
    if not done or len(done) >= planned or state.status in ("finished", "failed"):
        return None
    now = state.generation if state.generation not in done else 0
    left = planned - len(done) - bool(now)
    found: dict[str, float] = {"generations": planned}
    for name in RESOURCES:
        spent = {int(row["n"]): float(row[name]) for row in generations}
        mean = sum(spent.get(n, 0.0) for n in done) / len(done)
        rest = max(0.0, mean - spent.get(now, 0.0)) if now else 0.0
        found[name] = sum(spent.values()) + rest + left * mean
    return found
