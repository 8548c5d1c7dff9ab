"""The gate: is a candidate better than the incumbent on `val`, beyond chance and by the minimum effect?

One-sided paired sign-flip permutation test over independent units (`units`), both arms under the same seeds (Good,
"Permutation, Parametric and Bootstrap Tests of Hypotheses", 2005). Where all changes are of one size, as with right and
wrong answers, it is exact and equals McNemar's exact test; with up to 16 changed units all flips are enumerated; beyond
that 20,000 are drawn. Bonferroni holds the chance of any false acceptance in a run of N generations to `run_alpha`: a
candidate must reach min(alpha, run_alpha / (N - 1)). Since rules 4 the lineage has one account of that error
(`account`), and N - 1 is at least the number of candidates that the lineage has judged, this one included (`level`).

In a run with a reserve (rules 5) the gate looks twice. The first look is at `val` with a small part of the level
(`account.divide_level`). If it accepts, or sees no gain, it decides. Else both candidates answer the reserve, and the
second look, at `val` and reserve together, has the rest of the level.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from engine.core import units
from engine.core.account import UNUSED, Account, Payment, divide_level, name_of, pay, pay_for_looks
from engine.core.units import Row
from engine.events.types import Candidate, Gate, GateDecided, Look, Score
from engine.plain import decimal

AGAIN = 3
"""How many equal executions let one score win (`determinism`, rules 5)."""
FLIPS = 20_000
ENUMERATED = 16
PERMUTATION_TEST = "one-sided paired permutation test"


def mean(scores: Sequence[float]) -> Score:
    """The mean with its standard error; 0 for no scores."""
    return units.mean([[score] for score in scores])


def threshold(gate: Gate, generations: int) -> float:
    """The level that one candidate must reach."""
    return min(gate.alpha, gate.run_alpha / max(1, generations - 1))


def level(gate: Gate, generations: int, *, judged: int, n: int) -> float:
    """The level of a candidate after `judged` others of its lineage, over `n` units (rules 4).

    It never exceeds the run's own, and never falls so far that no candidate could reach it: not below twice the
    smallest p-value.
    """
    least = max(0.5**n, 1 / (FLIPS + 1))
    return min(threshold(gate, generations), max(threshold(gate, max(generations, judged + 2)), 2 * least))


def fewest_units(level: float) -> int:
    """How many units a p-value below `level` takes."""
    return math.floor(-math.log2(level)) + 1


def is_accepted(gate: Gate, alpha: float, p: float, gain: float) -> bool:
    """Whether a mean gain is beyond chance at the level `alpha`, and at least the minimum effect."""
    return p < alpha and gain >= gate.minimum_effect


class Reserve(NamedTuple):
    """The scores of both arms on the reserve, as far as they have answered it, and the groups of its instances.

    `share` is that of `val` in both, counted in instances. `level` is what the first look found, if it was recorded.
    """

    candidate: Mapping[Row, float]
    incumbent: Mapping[Row, float]
    groups: Mapping[str, str]
    share: float
    level: float | None = None


def is_open(gate: Gate, first: Look) -> bool:
    """Whether the reserve is answered after this first look: there is a gain, and it does not suffice."""
    return first.difference > 0 and not is_accepted(gate, first.alpha, first.p, first.difference)


def p_value(differences: Sequence[float], *, scaled: bool = True) -> float:
    """The probability of a mean difference at least this large if every sign were random.

    `scaled`: sums count as equal within a part of the largest difference. Before rules 5 that was an absolute number,
    which is less than a rounding of differences of 10,000, and more than differences of 1e-13.
    """
    changed = sorted(d for d in differences if d != 0)
    if not changed:
        return 1.0
    if scaled:
        _, exponent = math.frexp(max(changed[-1], -changed[0]))
        changed = [math.ldexp(d, -exponent) for d in changed]  # exact: the largest is then between 0.5 and 1
    sizes = {abs(d) for d in changed}
    if len(sizes) == 1:
        return _binomial_tail(sum(d > 0 for d in changed), len(changed))
    if len(changed) <= ENUMERATED:
        return _enumerated(changed)
    return _monte_carlo_p(changed)


def _binomial_tail(wins: int, n: int) -> float:
    # in logarithms: the coefficients overflow a float beyond a thousand changes
    terms = [
        math.exp(math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1) - n * math.log(2))
        for k in range(wins, n + 1)
    ]
    return min(1.0, math.fsum(terms))


def _enumerated(changed: Sequence[float]) -> float:
    observed = math.fsum(changed)
    sums = [0.0]
    for size in map(abs, changed):
        sums = [total + sign * size for total in sums for sign in (1, -1)]
    return sum(total >= observed - 1e-12 for total in sums) / len(sums)


def _monte_carlo_p(changed: Sequence[float]) -> float:
    import numpy as np

    # Python's generator, whose stream never changes, seeded by the number of changes: the data are sorted
    draw = random.Random(len(changed))
    bits = np.frombuffer(draw.randbytes(FLIPS * ((len(changed) + 7) // 8)), dtype=np.uint8)
    signs = np.unpackbits(bits.reshape(FLIPS, -1), axis=1)[:, : len(changed)].astype(np.float64) * 2 - 1
    sums = signs @ np.abs(np.asarray(changed))
    reached = int((sums >= math.fsum(changed) - 1e-9).sum())
    return (reached + 1) / (FLIPS + 1)


def compare(
    candidate: Mapping[Row, float],
    incumbent: Mapping[Row, float],
    *,
    against: int,
    gate: Gate,
    generations: int,
    noisy: bool,
    rules: int,
    groups: Mapping[str, str] = {},
    account: Account = UNUSED,
    arms: tuple[Candidate | None, Candidate | None] = (None, None),
    executions: int | None = None,
    refused: bool = False,
    rival_refused: bool = False,
    disturbed: Sequence[str] = (),
    reserve: Reserve | None = None,
) -> GateDecided:
    """The verdict over the instances and repeats that both arms have, under the rules that the run pins.

    `groups` has the group of each instance that is in one; rules 1 take every (instance, repeat) as a unit.
    A candidate that fails the private check (`refused`) is rejected whatever its score. Where only the incumbent fails
    it (`rival_refused`), the candidate is accepted whatever its score. `account` is the lineage's before this verdict,
    and `arms` are candidate and incumbent. `executions` of the candidate gave its one score; None: as is declared.
    `disturbed` has a sentence for each timing of either arm beside which others were at work: since rules 5 it rejects
    the candidate, since no p-value shows what moves all pairs alike. With a `reserve` there are two looks; where the
    second is due and either arm has no answers to it, the first stands.
    """
    found = _differences(candidate, incumbent)
    name = name_of(*arms, found) if rules >= 4 else ""
    account = account.without(name)
    own = threshold(gate, generations)
    unit = "repeat" if rules == 1 else units.kind(found, groups, noisy=noisy, level=own)
    differences = units.divide(found, unit, groups)
    alpha = own if rules < 4 else level(gate, generations, judged=account.judged, n=len(differences))
    exact = len(found) == 1 and not noisy
    last, looks = _look(differences, alpha, scaled=rules >= 5), list[Look]()
    if reserve is not None and not exact:
        alpha = reserve.level or alpha
        looks.append(last := _look(differences, divide_level(alpha, reserve.share)[0]))
        more = _differences(reserve.candidate, reserve.incumbent)
        if more and is_open(gate, last):
            found, groups = more | found, {**groups, **reserve.groups}
            unit = units.kind(found, groups, noisy=noisy, level=own)
            looks.append(last := _look(units.divide(found, unit, groups), alpha - last.alpha))
    gain, p = Score(last.difference, last.se, last.n), last.p
    if exact:
        test, accepted = "exact comparison of one deterministic score", gain.score > gate.minimum_effect
        if executions is not None:
            test = f"comparison of one score, equal in {executions} executions"
            accepted = accepted and executions >= AGAIN
    else:
        test = PERMUTATION_TEST
        accepted = is_accepted(gate, last.alpha, p, gain.score)
    fixed, broken = _changed(found)
    tested = not exact and (rules > 1 or len(found) > 1)
    at = ("", " at the first look", " with the reserve")[len(looks)]
    reason = _sentence(
        accepted, gain, last, gate, against, rules=rules, changed=bool(fixed or broken), tested=tested, at=at
    )
    if exact and gain.score > gate.minimum_effect and not accepted:
        reason = (
            f"rejected: {_digits(gain.score, rules, '+')} over generation {against} may be noise "
            "(too few executions of one score)"
        )
    void = rules >= 5 and bool(disturbed)
    if refused:
        test, accepted, reason = "private check", False, "refused: failed the private check"
    elif rival_refused:
        test, accepted = "private check", True
        reason = (
            f"accepted: it passed the private check, and generation {against} did not "
            f"({_digits(gain.score, rules, '+')})"
        )
    elif void:
        test, accepted = "timing", False
        reason = f"rejected: {_count(disturbed, 2 * len(found))}, which no test can allow for; use a quiet machine"
    payment: Payment | None = None
    if refused or rival_refused or void:
        looks = []
    elif rules >= 4 and not exact:
        left = account.left(gate)
        payment = (
            pay(left, alpha, p, last.changed, accepted=accepted)
            if reserve is None
            else pay_for_looks(left, alpha, reserve.share, looks, accepted=accepted)
        )
        if payment.beyond:
            reason += f"; beyond the error of {gate.run_alpha:g} that its lineage may risk"
    return GateDecided(
        accepted=accepted,
        reason=reason,
        test=test,
        n=gain.n,
        unit="" if rules == 1 else unit,
        difference=gain.score,
        se=gain.se,
        p=p,
        alpha=last.alpha,
        minimum_effect=gate.minimum_effect,
        against=against,
        fixed=fixed,
        broken=broken,
        comparison=name if payment else "",
        spent=payment.spent if payment else None,
        beyond=bool(payment and payment.beyond),
        looks=looks,
        level=alpha if looks else None,
    )


def _differences(candidate: Mapping[Row, float], incumbent: Mapping[Row, float]) -> dict[Row, float]:
    return {row: candidate[row] - incumbent[row] for row in sorted(candidate.keys() & incumbent.keys())}


def _look(differences: units.Units, alpha: float, *, scaled: bool = True) -> Look:
    totals = [math.fsum(one) for one in differences]
    gain = units.mean(differences)
    return Look(gain.n, sum(total != 0 for total in totals), gain.score, gain.se, p_value(totals, scaled=scaled), alpha)


def first_verdict(score: Score | None, *, refused: bool = False, disturbed: Sequence[str] = ()) -> GateDecided:
    """The verdict on the first candidate, which has no incumbent to beat."""
    n = score.n if score else 0
    but = ", though it failed the private check" if refused else ""
    if disturbed and not refused:
        but = f", though {_count(disturbed, n)}"
    return GateDecided(accepted=True, reason=f"the first candidate is the incumbent to beat{but}", test="none", n=n)


def _count(disturbed: Sequence[str], timings: int) -> str:
    were = "was" if len(disturbed) == 1 else "were"
    return f"{len(disturbed)} of {max(timings, len(disturbed))} timings {were} disturbed ({disturbed[0]})"


def _changed(differences: Mapping[Row, float]) -> tuple[list[str], list[str]]:
    by_instance: dict[str, float] = {}
    for (instance, _), difference in differences.items():
        by_instance[instance] = by_instance.get(instance, 0.0) + difference
    fixed = [name for name, total in by_instance.items() if total > 0]
    return fixed, [name for name, total in by_instance.items() if total < 0]


def _digits(value: float, rules: int, sign: str = "") -> str:
    """With four decimals; since rules 5 with four digits where those would show none of them."""
    return decimal(value, sign) if rules >= 5 else f"{value:{sign}.4f}"


def _sentence(
    accepted: bool, gain: Score, last: Look, gate: Gate, against: int, *, rules: int, changed: bool, tested: bool,
    at: str,
) -> str:  # fmt: skip
    if not changed:
        return f"rejected: no score differs from generation {against}'s"
    size = _digits(gain.score, rules, "+") + (f" ± {_digits(gain.se, rules)}" if gain.n != 1 else "")
    chance = f" (p = {last.p:.2g}, needed below {last.alpha:.2g}{at})" if tested else ""
    if accepted:
        return f"accepted: {size} over generation {against}{chance}"
    if gain.score <= 0:
        return f"rejected: {size} against generation {against}, no gain"
    if last.p < last.alpha or not tested:
        return f"rejected: {size} is below the smallest gain that counts, {gate.minimum_effect:g}"
    return f"rejected: {size} over generation {against} may be chance{chance}"
