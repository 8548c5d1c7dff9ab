"""The finding about the gate: how small an improvement can it detect with these instances?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from domains.contract import Instance, Spec
from engine.core import units
from engine.core.gate import threshold
from engine.core.power import BREAKS, POWER, smallest_binary_gain, smallest_gain
from engine.domain_check.finding import Finding
from engine.domain_check.grades import Scores
from engine.events import types as t

GENERATIONS = 8
"""Generations assumed for the estimate: the default of a run."""


def check_power(scores: Scores, baselines: Mapping[str, float], val: Sequence[Instance], spec: Spec) -> Finding:
    """The smallest improvement that the gate can detect with the independent units of val."""
    rules = t.Gate(minimum_effect=spec.minimum_effect)
    rows = {(item.id, repeat): 0.0 for item in val for repeat in range(spec.repeats)}
    groups = units.groups_of(val)
    kind = units.kind(rows, groups, noisy=spec.noisy, level=threshold(rules, GENERATIONS))
    n = len(units.divide(rows, kind, groups))
    if len(rows) == 1 and not spec.noisy:
        return Finding("power", "pass", f"val is one score: the gate accepts any gain above {spec.minimum_effect:g}")
    named = "groups" if kind == "group" else "units"
    of = f"with {n} {named} of val, {GENERATIONS} generations see"
    more = "put more groups into val" if kind == "group" else "put more instances into val"
    if not scores.binary:
        gain = smallest_gain(n, scores.spread, rules, threshold(rules, GENERATIONS))
        spread = f"if differences spread as scores do ({scores.spread:.2g})"
        sentence = f"{of} a gain of {gain:.2g} with {POWER:.0%} power, {spread}"
    else:
        least = smallest_binary_gain(n, rules, GENERATIONS)
        if least is None:
            return Finding("power", "fail", f"with {n} {named} of val the gate can accept nothing", more)
        gain = least
        sentence = f"{of} a gain of {gain:.2g} with {POWER:.0%} power, even if {BREAKS:.0%} of the answers break"
    best = max([1.0 if scores.binary else scores.seed, scores.reference or scores.seed, *baselines.values()])
    if gain > max(best - scores.seed, 0.0) / 2:
        return Finding(
            "power", "warn", f"{sentence}; between the seed and the best known lie {best - scores.seed:.2g}", more
        )
    return Finding("power", "pass", sentence)
