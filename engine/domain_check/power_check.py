"""The finding about the gate: how small an improvement can it detect with these instances?"""

from __future__ import annotations

from collections.abc import Mapping

from domains.contract import Spec
from engine.core.power import BREAKS, POWER, smallest_binary_gain, smallest_gain
from engine.domain_check.finding import Finding
from engine.domain_check.grades import Scores
from engine.events import types as t

GENERATIONS = 8
"""Generations assumed for the estimate: the default of a run."""


def check_power(scores: Scores, baselines: Mapping[str, float], n: int, spec: Spec) -> Finding:
    """The smallest improvement that the gate can detect with `n` units of val."""
    rules = t.Gate(minimum_effect=spec.minimum_effect)
    if n == 1 and not spec.noisy:
        return Finding("power", "pass", f"val is one score: the gate accepts any gain above {spec.minimum_effect:g}")
    of = f"with {n} units of val, {GENERATIONS} generations see"
    more = "put more instances into val, or raise repeats where scores are noisy"
    if not scores.binary:
        gain = smallest_gain(n, scores.spread, rules, GENERATIONS)
        spread = f"if differences spread as scores do ({scores.spread:.2g})"
        sentence = f"{of} a gain of {gain:.2g} with {POWER:.0%} power, {spread}"
    else:
        least = smallest_binary_gain(n, rules, GENERATIONS)
        if least is None:
            return Finding("power", "fail", f"with {n} units of val the gate can accept nothing", more)
        gain = least
        sentence = f"{of} a gain of {gain:.2g} with {POWER:.0%} power, even if {BREAKS:.0%} of the answers break"
    best = max([1.0 if scores.binary else scores.seed, scores.reference or scores.seed, *baselines.values()])
    if gain > max(best - scores.seed, 0.0) / 2:
        return Finding(
            "power", "warn", f"{sentence}; between the seed and the best known lie {best - scores.seed:.2g}", more
        )
    return Finding("power", "pass", sentence)
