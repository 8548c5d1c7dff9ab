"""Local changes of values, and the crossing of two sets of them."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

from engine.agents.portfolio import probed
from engine.agents.portfolio.encoding import place, value_at
from engine.agents.portfolio.probed import Params
from engine.events import types as t
from harness_repo.harness import Harness
from harness_repo.tunable import Tunable, Value

_CROSSED = 6
"""So many of the best probes are crossed."""
_REACH = 0.2
"""How far a number is moved: a standard deviation, as a share of its range."""


def vary(harness: Harness, params: Mapping[str, Value], draw: random.Random) -> Params:
    """`params` with one or two of the active values changed, numbers by about a fifth of their range."""
    varied = dict(harness.params) | dict(params)
    active = probed.degrees(harness, varied)
    for name in draw.sample(active, min(len(active), draw.choice((1, 1, 2)))):
        varied[name] = step(harness.manifest.tunables[name], varied[name], draw)
    return varied


def step(tunable: Tunable, value: Value, draw: random.Random) -> Value:
    """Another value near `value`."""
    if tunable.type == "choice":
        others = [choice for choice in tunable.choices if choice != value]
        return draw.choice(others) if others else value
    moved = value_at(tunable, place(tunable, value) + draw.gauss(0, _REACH))
    if tunable.type == "int" and moved == value:
        moved = int(min(tunable.high, max(tunable.low, int(value) + (1 if draw.random() < 0.5 else -1))))
    return moved


def crossed(harness: Harness, one: Mapping[str, Value], other: Mapping[str, Value], draw: random.Random) -> Params:
    """Each value from `one` or from `other`; what that lacks is the harness's own."""
    return {
        name: (one if draw.random() < 0.5 else other).get(name, harness.params[name])
        for name in harness.manifest.tunables
    }


def cross_and_vary(harness: Harness, probes: Sequence[t.ProbeFinished], draw: random.Random) -> Params:
    """Two of the best probes crossed, and one or two values of the result changed."""
    ordered = sorted(filter(probed.eligible, probes), key=lambda probe: -probe.score.score)[:_CROSSED]
    one, other = draw.sample(ordered, 2) if len(ordered) > 1 else (ordered[0], ordered[0])
    return vary(harness, crossed(harness, one.params, other.params, draw), draw)
