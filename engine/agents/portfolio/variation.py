"""Local changes of values, and the crossing of two sets of them."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

from engine.agents.portfolio import probed
from engine.agents.portfolio.probed import Params
from engine.events import types as t
from harness_repo.harness import Harness
from harness_repo.tunable import Tunable, Value

_CROSSED = 6
"""So many of the best probes are crossed."""


def vary(harness: Harness, params: Mapping[str, Value], draw: random.Random) -> Params:
    """`params` with one or two of the active values changed, numbers by about a fifth of their range."""
    varied = dict(harness.params) | dict(params)
    active = probed.degrees(harness, varied)
    for name in draw.sample(active, min(len(active), draw.choice((1, 1, 2)))):
        varied[name] = step(harness.manifest.tunables[name], varied[name], draw)
    return varied


def step(tunable: Tunable, value: Value, draw: random.Random, reach: float = 0.2) -> Value:
    """Another value near `value`; `reach` is the standard deviation, as a share of the range."""
    if tunable.type == "choice":
        others = [choice for choice in tunable.choices if choice != value]
        return draw.choice(others) if others else value
    low, high = float(tunable.low), float(tunable.high)
    if tunable.log:
        moved = float(value) * (high / low) ** draw.gauss(0, reach)
    else:
        moved = float(value) + (high - low) * draw.gauss(0, reach)
    moved = min(high, max(low, moved))
    if tunable.type == "float":
        return float(f"{moved:.4g}") if low <= float(f"{moved:.4g}") <= high else moved
    whole = round(moved)
    if whole == value:
        whole += 1 if draw.random() < 0.5 else -1
    return int(min(high, max(low, whole)))


def crossed(harness: Harness, probes: Sequence[t.ProbeFinished], draw: random.Random) -> Params:
    """Each value from one of two of the best probes, and one of them changed."""
    ordered = sorted(filter(probed.eligible, probes), key=lambda probe: -probe.score.score)[:_CROSSED]
    one, other = draw.sample(ordered, 2) if len(ordered) > 1 else (ordered[0], ordered[0])
    mixed = {
        name: {**harness.params, **(one if draw.random() < 0.5 else other).params}[name]
        for name in harness.manifest.tunables
    }
    return vary(harness, mixed, draw)
