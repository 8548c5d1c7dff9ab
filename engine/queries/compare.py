"""`compare`: settings and results of runs side by side, and whether one best candidate beats another.

Two candidates are paired on the trials of `val` that both have: the same instance, repeat and seed. The units are those
of the gate. The p-value is two-sided, since no direction was stated beforehand. Each best candidate was selected on
these instances, so small differences are optimistic; only the sealed test is unbiased.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import msgspec

from engine.core import units
from engine.core.gate import p_value
from engine.core.state import State, evolve
from engine.events import types as t
from engine.events.reader import Reader, RunRow
from engine.queries.costs import costs
from engine.queries.run_report import show
from engine.queries.settings_origin import flat

TrialKey = tuple[str, int, int]
"""(instance, repeat, seed)"""


class Side(msgspec.Struct, frozen=True):
    """One run of a comparison: its report, and the scores of its best candidate by trial of `val`.

    `groups` has the group of each instance that is in one.
    """

    state: State
    facts: dict[str, Any]
    trials: dict[TrialKey, float]
    groups: dict[str, str]


def side(reader: Reader, run: RunRow, status: str) -> Side:
    """Reads one run for a comparison."""
    history = list(reader.history(run.run))
    state = State()
    groups: dict[str, str] = {}
    measured: dict[tuple[str, str | None], dict[TrialKey, float]] = {}
    for event in history:
        state = evolve(state, event)
        result = event.payload
        if isinstance(result, t.InstanceFinished) and result.split == "val":
            trials = measured.setdefault((result.harness, result.weights), {})
            trials[result.instance, result.repeat, result.seed] = result.score
            if result.group:
                groups[result.instance] = result.group
    best = state.of(state.incumbent).candidate if state.incumbent else None
    report = show(state, status)
    facts = {name: report[name] for name in ("run", "name", "domain", "status", "parent", "baselines", "best")} | {
        "domain_digest": state.domain.digest,
        "evaluation_seed": state.root_seed,
        "arm": arm(state),
        "generations": [
            {name: one[name] for name in ("n", "lever", "accepted", "refused", "val")} for one in report["generations"]
        ],
        "spent": {
            "evaluations": state.spent.evaluations,
            "reused": state.spent.reused,
            "tokens": state.spent.tokens + state.spent.reused_tokens,
            "cpu_s": sum(row["cpu_s"] for row in costs(history)["by"]),
            "seconds": state.spent.seconds,
            "usd": state.spent.usd,
        },
    }
    return Side(state, facts, measured.get((best.harness, best.weights), {}) if best else {}, groups)


def arm(state: State) -> str:
    """The arm of an ablation that the best candidate is: `initial`, `H`, `W`, `W+H`, or `best-of-n`."""
    if state.settings.lever == "best-of-n":
        return "best-of-n"
    best = state.of(state.incumbent).candidate if state.incumbent else None
    rewritten = bool(best) and state.versions[state.incumbent or 1].tree != state.versions[1].tree
    return {
        (False, False): "initial",
        (True, False): "H",
        (False, True): "W",
        (True, True): "W+H",
    }[rewritten, bool(best and best.weights)]


def compare(sides: Sequence[Side]) -> dict[str, Any]:
    """The shape that `sia compare RUN RUN ... --json` promises: every run beside the first."""
    settings = [flat(one.state.settings) for one in sides]
    differ = [key for key in settings[0] if any(found[key] != settings[0][key] for found in settings)]
    return {
        "runs": [one.facts for one in sides],
        "settings": [{"key": key, "values": [found[key] for found in settings]} for key in differ],
        "pairs": [_pair(one, sides[0]) for one in sides[1:]],
    }


def _pair(one: Side, first: Side) -> dict[str, Any]:
    """The best candidate of `one` against that of `first`; `why` says why they cannot be paired."""
    shared = sorted(one.trials.keys() & first.trials.keys())
    why = _obstacle(one, first, bool(shared))
    if why:
        shared = []
    found = {
        (instance, repeat): one.trials[trial] - first.trials[trial]
        for trial in shared
        for instance, repeat, _ in [trial]
    }
    groups = first.groups | one.groups
    differences = units.divide(found, units.kind(found, groups), groups)
    gain = units.mean(differences)
    return {
        "run": one.state.name,
        "against": first.state.name,
        "comparable": not why,
        "why": why,
        "n": gain.n,
        "difference": gain.score,
        "se": gain.se,
        "p": two_sided([math.fsum(unit) for unit in differences]),
        "better_on": sorted({instance for (instance, _), difference in found.items() if difference > 0}),
        "worse_on": sorted({instance for (instance, _), difference in found.items() if difference < 0}),
    }


def two_sided(differences: Sequence[float]) -> float:
    """The probability of a mean difference at least this far from 0 if every sign were random."""
    return min(1.0, 2 * min(p_value(differences), p_value([-difference for difference in differences])))


def _obstacle(one: Side, first: Side, shared: bool) -> str:
    mine, other = one.state, first.state
    if mine.domain.name != other.domain.name:
        return f"the domains differ ({mine.domain.name} and {other.domain.name})"
    if mine.domain.digest != other.domain.digest:
        return f"the domain {mine.domain.name} changed between the two (its code, its data or its split)"
    if mine.root_seed != other.root_seed:
        return (
            f"the evaluation seeds differ ({mine.root_seed} and {other.root_seed}), so the two share no trial; "
            "runs of one lineage, or with the same --seed, do"
        )
    for side in (one, first):
        if not side.trials:
            return f"{side.state.name} has no candidate with results on val yet"
    return "" if shared else "the best candidates were measured on different repeats or vals only"
