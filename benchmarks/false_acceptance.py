"""How often a run or a lineage accepts a candidate that is no better, under earlier and present rules of the gate.

Runs: under rules 1 (every repeat of an instance is a unit) and 2. Lineages: under rules 3, where each verdict has the
level of its run, and 4, where all draw from one account; an acceptance beyond the account says so. Agents that learn
from `val`: under rules 4, where they are told every mean, and 5, where they are told on a ladder. One score: under
rules 4, where it is as deterministic as it is declared, and 5, where that is measured. With `--reserve` runs, lineages
and agents of the present rules have a reserve as large as `val`, and the gate looks twice.

Every candidate has the same skill on every instance: an acceptance is false. Runs accept as the gate does, a candidate
that was accepted is the next one's incumbent, and a rate is the share of runs with an acceptance. Answers are right or
wrong; with `together` they are equal within a cluster that often, and independent otherwise.
Run: python -m benchmarks.false_acceptance
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.climbing_agents import CLIMBERS, SHARE, Floats, climb
from benchmarks.one_score import ONE_SCORES, accept_one_score
from engine.core.account import Payment, divide_level, pay, pay_for_looks
from engine.core.gate import is_open, level, p_value, threshold
from engine.events.types import Gate, Look

FLIPS = 5_000
_AT_ONCE = 2_000


class Setting(NamedTuple):
    """`clusters` of `size` rows each: repeats of an instance, or instances of a group."""

    name: str
    clusters: int
    size: int
    together: float
    generations: int
    noisy: bool = False


SETTINGS = (
    Setting("independent instances", 200, 1, 0.0, 8),
    Setting("independent instances", 200, 1, 0.0, 20),
    Setting("3 repeats, deterministic harness", 200, 3, 1.0, 2),
    Setting("5 repeats, deterministic harness", 200, 5, 1.0, 2),
    Setting("20 groups of 10, equal within", 20, 10, 1.0, 8),
    Setting("20 groups of 10, equal within", 20, 10, 1.0, 20),
    Setting("20 groups of 10, half shared", 20, 10, 0.5, 8),
    Setting("20 groups of 10, half shared", 20, 10, 0.5, 20),
    Setting("8 noisy instances, 2 repeats", 8, 2, 0.0, 20, noisy=True),
    Setting("the same, but equal repeats", 8, 2, 1.0, 20, noisy=True),
)


class Lineage(NamedTuple):
    """A run that judges `candidates`, and `forks` from its first candidate, each of which judges as many.

    With `raised` there is one run, whose planned generations are raised by one before each candidate.
    """

    name: str
    candidates: int
    forks: int = 0
    raised: bool = False
    instances: int = 200


LINEAGES = (
    Lineage("a run of 8", 7),
    Lineage("generations raised by one, to 101", 100, raised=True),
    Lineage("20 forks of a run of 8", 7, forks=20),
    Lineage("20 forks of a run of 2", 1, forks=20),
)


class Verdicts(NamedTuple):
    """The verdicts on one candidate in each of the simulated lineages."""

    generations: int
    candidate: Floats
    incumbent: Floats
    accepted: NDArray[np.bool_]
    beyond: NDArray[np.bool_]


@cache
def p_of(wins: int, losses: int) -> float:
    """The gate's p-value of right and wrong answers."""
    return p_value([1.0] * wins + [-1.0] * losses)


def _look(candidate: Floats, incumbent: Floats, alpha: float) -> list[Look]:
    wins, losses = (candidate > incumbent).sum(axis=1).tolist(), (candidate < incumbent).sum(axis=1).tolist()
    n = candidate.shape[1]
    return [Look(n, w + k, (w - k) / n, 0.0, p_of(w, k), alpha) for w, k in zip(wins, losses, strict=True)]


def _accepts(look: Look) -> bool:
    return look.p < look.alpha and look.difference >= 0


def judge(
    lineage: Lineage, *, rules: int, runs: int, seed: int = 1, reserve: bool = False, rotate: int = 0
) -> Iterator[Verdicts]:
    """The verdicts of `runs` lineages, candidate by candidate; answers are right or wrong.

    With `rotate`, the incumbent answers fresh instances before each so many generations, and so do those after it.
    """
    draw, gate, n = np.random.default_rng(seed), Gate(), lineage.instances

    def answers() -> Floats:
        return draw.integers(0, 2, (runs, n + n * reserve), dtype=np.int8).astype(np.float64)

    first, spent, judged = answers(), np.zeros(runs), 0
    for _ in range(1 + lineage.forks):
        incumbent = first.copy()
        for number in range(1, lineage.candidates + 1):
            generations = 1 + (number if lineage.raised else lineage.candidates)
            alpha = threshold(gate, generations) if rules < 4 else level(gate, generations, judged=judged, n=n)
            candidate = answers()
            if rotate and number % rotate == 0:
                incumbent = answers()
            early, late = divide_level(alpha, SHARE) if reserve else (alpha, 0.0)
            looks = [[one] for one in _look(candidate[:, :n], incumbent[:, :n], early)]
            for taken, second in zip(looks, _look(candidate, incumbent, late) if reserve else [], strict=False):
                if is_open(gate, taken[0]):
                    taken.append(second)
            accepted = np.array([_accepts(taken[-1]) for taken in looks])
            left = np.maximum(0.0, gate.run_alpha - spent) if rules >= 4 else np.full(runs, 1.0)
            paid = [_paid(rest, alpha, taken, reserve) for rest, taken in zip(left.tolist(), looks, strict=True)]
            spent += np.array([one.spent for one in paid])
            yield Verdicts(generations, candidate, incumbent.copy(), accepted, np.array([one.beyond for one in paid]))
            incumbent[accepted] = candidate[accepted]
            judged += 1


def _paid(left: float, alpha: float, looks: list[Look], reserve: bool) -> Payment:
    accepted, last = _accepts(looks[-1]), looks[-1]
    if reserve:
        return pay_for_looks(left, alpha, SHARE, looks, accepted=accepted)
    return pay(left, alpha, last.p, last.changed, accepted=accepted)


def false_acceptance_of(
    lineage: Lineage, *, rules: int, runs: int, seed: int = 1, reserve: bool = False, rotate: int = 0
) -> tuple[float, float]:
    """The share of lineages that accept any candidate, and of those that accept one without saying "beyond"."""
    erred, claimed = np.zeros(runs, dtype=bool), np.zeros(runs, dtype=bool)
    for verdicts in judge(lineage, rules=rules, runs=runs, seed=seed, reserve=reserve, rotate=rotate):
        erred |= verdicts.accepted
        claimed |= verdicts.accepted & ~verdicts.beyond
    return float(erred.mean()), float(claimed.mean())


def false_acceptance(
    setting: Setting, *, rules: int, runs: int, seed: int = 1, reserve: bool = False, rotate: int = 0
) -> float:
    """The share of `runs` that accept any candidate."""
    draw, n = np.random.default_rng(seed), setting.clusters
    alpha = threshold(Gate(), setting.generations)
    early, late = divide_level(alpha, SHARE) if reserve else (alpha, 0.0)
    asked = setting._replace(clusters=n + n * reserve)
    incumbent, erred = _answers(draw, asked, runs), np.zeros(runs, dtype=bool)

    def units(rows: Floats) -> Floats:
        few = setting.noisy and 0.5 ** rows.shape[1] >= alpha  # as in engine.core.units
        return rows.reshape(len(rows), -1) if rules == 1 or few else rows.mean(axis=2)

    def accepts(rows: Floats, level: float) -> NDArray[np.bool_]:
        found = units(rows)
        return np.asarray((_p_values(found, draw) < level) & (found.mean(axis=1) >= 0))

    for generation in range(2, setting.generations + 1):
        candidate = _answers(draw, asked, runs)
        if rotate and (generation - 1) % rotate == 0:
            incumbent = _answers(draw, asked, runs)
        rows = candidate - incumbent
        accepted = accepts(rows[:, :n], early)
        if reserve and (still_open := ~accepted & (rows[:, :n].mean(axis=(1, 2)) > 0)).any():
            accepted[still_open] = accepts(rows[still_open], late)
        incumbent[accepted] = candidate[accepted]
        erred |= accepted
    return float(erred.mean())


def _answers(draw: np.random.Generator, setting: Setting, runs: int) -> Floats:
    """(runs, clusters, size) answers, half of them right."""
    shape = (runs, setting.clusters, setting.size)
    own, shared = draw.random(shape) < 0.5, draw.random((*shape[:2], 1)) < 0.5
    return np.where(draw.random(shape) < setting.together, shared, own).astype(np.float64)


def _p_values(units: Floats, draw: np.random.Generator) -> Floats:
    """The gate's p-value of each row: its own where all changes are of one size, else by random flips."""
    if np.unique(np.abs(units[units != 0])).size <= 1:
        counts, where = np.unique(
            np.stack([(units > 0).sum(axis=1), (units < 0).sum(axis=1)], axis=1), axis=0, return_inverse=True
        )
        exact = np.array([p_value([1.0] * int(wins) + [-1.0] * int(losses)) for wins, losses in counts])
        return exact[where.reshape(-1)]
    signs = draw.integers(0, 2, (FLIPS, units.shape[1])) * 2.0 - 1
    reached = [
        (signs @ np.abs(some).T >= some.sum(axis=1) - 1e-9).sum(axis=0)
        for some in np.array_split(units, max(1, len(units) // _AT_ONCE))
    ]
    return (np.concatenate(reached) + 1) / (FLIPS + 1)


def with_a_reserve(runs: int, seed: int) -> None:
    """Prints one row for each setting, lineage and agent without and with a reserve, under the present rules."""
    print(f"{runs} runs a row; accepted by mistake, at most .05 a run is promised")
    print("setting                            generations   without  with a reserve")
    for setting in SETTINGS:
        rates = [false_acceptance(setting, rules=2, runs=runs, seed=seed, reserve=one) for one in (False, True)]
        print(f"{setting.name:34} {setting.generations:11}  {rates[0]:8.3f}  {rates[1]:8.3f}", flush=True)
    print("\nlineage                             candidates   without  with a reserve  of them not beyond the account")
    for lineage in LINEAGES:
        before, after = (
            false_acceptance_of(lineage, rules=5, runs=runs, seed=seed, reserve=one) for one in (False, True)
        )
        candidates = lineage.candidates * (1 + lineage.forks)
        print(f"{lineage.name:34} {candidates:11}  {before[0]:8.3f}  {after[0]:8.3f}  {after[1]:8.3f}", flush=True)
    print("\nagent, on a ladder                 generations   without  its val  with a reserve  its val")
    for climber in CLIMBERS:
        rows = [climb(climber, rules=5, runs=runs, seed=seed, reserve=one) for one in (False, True)]
        rates = "  ".join(f"{rate:8.3f}  {val:7.3f}" for rate, val in rows)
        print(f"{climber.name:34} {climber.generations:11}  {rates}", flush=True)


def with_rotation(runs: int, seed: int, rotate: int) -> None:
    """Prints one row for each setting, lineage and agent without and with fresh vals, under the present rules."""
    print(f"{runs} runs a row; accepted by mistake, at most .05 a run is promised")
    print(f"setting                            generations   one val  a fresh val each {rotate}")
    for setting in SETTINGS:
        rates = [false_acceptance(setting, rules=2, runs=runs, seed=seed, rotate=one) for one in (0, rotate)]
        print(f"{setting.name:34} {setting.generations:11}  {rates[0]:8.3f}  {rates[1]:8.3f}", flush=True)
    print("\nlineage                             candidates   one val  fresh vals  of them not beyond the account")
    for lineage in LINEAGES:
        before, after = (false_acceptance_of(lineage, rules=5, runs=runs, seed=seed, rotate=one) for one in (0, rotate))
        candidates = lineage.candidates * (1 + lineage.forks)
        print(f"{lineage.name:34} {candidates:11}  {before[0]:8.3f}  {after[0]:8.3f}  {after[1]:8.3f}", flush=True)
    print("\nagent, on a ladder                 generations   one val  its val  fresh vals  its val")
    for climber in CLIMBERS:
        rows = [climb(climber, rules=5, runs=runs, seed=seed, rotate=one) for one in (0, rotate)]
        rates = "  ".join(f"{rate:8.3f}  {val:7.3f}" for rate, val in rows)
        print(f"{climber.name:34} {climber.generations:11}  {rates}", flush=True)


def main() -> None:
    """Prints one row for each setting, lineage, noise of one score, and agent."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--reserve", action="store_true", help="print the rows of runs with a reserve, only")
    parser.add_argument("--rotate", type=int, default=0, help="print the rows of runs with a fresh val each so many")
    chosen = parser.parse_args()
    if chosen.rotate:
        with_rotation(chosen.runs, chosen.seed, chosen.rotate)
        return
    if chosen.reserve:
        with_a_reserve(chosen.runs, chosen.seed)
        return
    print(f"{chosen.runs} runs a row; accepted by mistake, at most .05 a run is promised")
    print("setting                            generations  rules 1  rules 2")
    for setting in SETTINGS:
        rates = [false_acceptance(setting, rules=rules, runs=chosen.runs, seed=chosen.seed) for rules in (1, 2)]
        print(f"{setting.name:34} {setting.generations:11}  {rates[0]:7.3f}  {rates[1]:7.3f}")
    print("\nlineage                             candidates  rules 3  rules 4  of them not beyond the account")
    for lineage in LINEAGES:
        before, _ = false_acceptance_of(lineage, rules=3, runs=chosen.runs, seed=chosen.seed)
        after, claimed = false_acceptance_of(lineage, rules=4, runs=chosen.runs, seed=chosen.seed)
        candidates = lineage.candidates * (1 + lineage.forks)
        print(f"{lineage.name:34} {candidates:11}  {before:7.3f}  {after:7.3f}  {claimed:7.3f}")
    print("\none score, declared deterministic   generations  rules 4  rules 5")
    for case in ONE_SCORES:
        rates = [accept_one_score(case, rules=rules, runs=chosen.runs, seed=chosen.seed) for rules in (4, 5)]
        print(f"{case.name:34} {case.generations:11}  {rates[0]:7.3f}  {rates[1]:7.3f}")
    print("\nagent                              generations  rules 4  its val  rules 5  its val")
    for climber in CLIMBERS:
        rows = [climb(climber, rules=rules, runs=chosen.runs, seed=chosen.seed) for rules in (4, 5)]
        rates = "  ".join(f"{rate:7.3f}  {val:7.3f}" for rate, val in rows)
        print(f"{climber.name:34} {climber.generations:11}  {rates}")


if __name__ == "__main__":
    main()
