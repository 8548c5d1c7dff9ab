"""The power of the gate: the smallest gain that it can detect with the instances of a domain, or still in a run."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import msgspec

from engine.core import budget
from engine.core.account import Account, divide_level
from engine.core.decide import last_generation
from engine.core.gate import PERMUTATION_TEST, level, threshold
from engine.core.state import State
from engine.events.types import Gate, GateDecided, Look
from engine.plain import plural

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

POWER = 0.8
BREAKS = 0.05
"""The share of answers that a better candidate is assumed to break."""
_COMPUTED = 2_000
"""Up to so many changed answers the power is computed; beyond, the normal approximation is as good."""


def smallest_binary_gain(n: int, rules: Gate, generations: int) -> float | None:
    """The smallest gain that the gate accepts with power `POWER`, on n units that are right or wrong, in steps of .01.

    The candidate is assumed to break a share `BREAKS` of the answers. None where no gain reaches that power.
    """
    low, high, alpha = 0, round(100 * (1 - 2 * BREAKS)), threshold(rules, generations)

    def is_detected(hundredths: int) -> bool:
        gain = hundredths / 100
        return power_of(n, gain + 2 * BREAKS, gain, rules, alpha) >= POWER

    if not is_detected(high):
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if is_detected(middle) else (middle, high)
    return high / 100


def smallest_gain(n: int, spread: float, rules: Gate, alpha: float) -> float:
    """The same at the level `alpha`, for differences with the standard deviation `spread`: a normal approximation."""
    normal = NormalDist()
    error, power = spread / math.sqrt(n), normal.inv_cdf(POWER)
    by_chance = (power - normal.inv_cdf(alpha)) * error
    return max(by_chance, rules.minimum_effect + power * error)


def power_of(n: int, changed: float, gain: float, rules: Gate, alpha: float) -> float:
    """The probability that the gate accepts a true gain on `n` answers that are right or wrong, at the level `alpha`.

    Computed, not simulated: each answer changes with probability `changed`, and is then a win with probability
    (1 + gain / changed) / 2, independently of the others. A gain beyond `changed` changes as many answers as it must.
    """
    import numpy as np
    from scipy.special import betainc, gammaln, xlog1py, xlogy

    changed = max(changed, gain)
    if changed <= 0:
        return 0.0
    spread = math.sqrt(n * changed * (1 - changed))
    counts = np.arange(max(1, int(n * changed - 8 * spread)), min(n, math.ceil(n * changed + 8 * spread)) + 1)
    log = gammaln(n + 1) - gammaln(counts + 1) - gammaln(n - counts + 1)
    shares = np.exp(log + xlogy(counts, changed) + xlog1py(n - counts, -changed))
    low, high = np.zeros_like(counts), counts + 1  # accepted with `high` wins (beyond all: never), not with `low`
    while (high - low > 1).any():
        wins = np.maximum((low + high) // 2, 1)
        accepted = (betainc(wins, counts - wins + 1, 0.5) < alpha) & ((2 * wins - counts) / n >= rules.minimum_effect)
        low, high = np.where(accepted, low, wins), np.where(accepted, wins, high)
    possible = high <= counts
    tails = betainc(high[possible], (counts - high + 1)[possible], (1 + gain / changed) / 2)
    return float(np.sum(shares[possible] * tails))


def power_of_looks(n: int, reserve: int, changed: float, gain: float, rules: Gate, level: float) -> float:
    """The same where the gate looks twice: at `n` answers, and, where that is open, at `reserve` more.

    Computed from the distribution of (wins, losses) at the first look, and of their sums where it is open.
    """
    import numpy as np

    changed = max(changed, gain)
    if not reserve or changed <= 0:
        return power_of(n, changed, gain, rules, level)
    early, late = divide_level(level, n / (n + reserve))
    better, worse = (changed + gain) / 2, (changed - gain) / 2
    first, more = _outcomes(n, better, worse), _outcomes(reserve, better, worse)
    wins, losses = np.indices(first.shape)
    accepted = _accepts(n, rules, early)(wins, losses)
    still_open = np.where(~accepted & (wins > losses), first, 0.0)
    size = tuple(a + b - 1 for a, b in zip(first.shape, more.shape, strict=True))
    both = np.fft.irfft2(np.fft.rfft2(still_open, size) * np.fft.rfft2(more, size), size)
    later = _accepts(n + reserve, rules, late)(*np.indices(size))
    return float(min(1.0, first[accepted].sum() + both[later].sum()))


def _outcomes(n: int, better: float, worse: float) -> NDArray[np.float64]:
    """The probabilities of (wins, losses) among `n` answers, as far as they are not negligible."""
    import numpy as np
    from scipy.special import gammaln, xlogy

    most = [min(n, math.ceil(n * share + 8 * math.sqrt(n * share) + 8)) for share in (better, worse)]
    wins, losses = np.indices([one + 1 for one in most])
    same = np.maximum(n - wins - losses, 0)
    log = gammaln(n + 1) - gammaln(wins + 1) - gammaln(losses + 1) - gammaln(same + 1)
    log += xlogy(wins, better) + xlogy(losses, worse) + xlogy(same, max(0.0, 1 - better - worse))
    return np.where(wins + losses <= n, np.exp(log), 0.0)


def _accepts(n: int, rules: Gate, alpha: float) -> Callable[[Any, Any], NDArray[np.bool_]]:
    """Whether the gate accepts so many wins and losses among `n` answers, at the level `alpha`."""
    import numpy as np
    from scipy.special import betainc

    def accepts(wins: Any, losses: Any) -> NDArray[np.bool_]:
        p = np.where(wins > 0, betainc(np.maximum(wins, 1), losses + 1, 0.5), 1.0)
        return np.asarray((p < alpha) & ((wins - losses) / n >= rules.minimum_effect))

    return accepts


class Detectable(msgspec.Struct, frozen=True):
    """What a run's gate can still detect: the smallest true `gain` that it accepts with power `POWER`.

    None where no gain reaches that power. `half` is the power at half of it. Both assume that a candidate `changed` as
    many of the `n` units, and that differences have the same error, as in the run's middle verdict by error. `exact`:
    answers are right or wrong, and the power is computed; else a normal approximation. `level`: what p must be below,
    the lineage's account included. `generations` are left to judge; if none are, all this is about one more. With a
    `reserve` of that many instances the gate looks twice, and n and `changed` are those of the first look.
    """

    gain: float | None
    half: float
    level: float
    n: int
    changed: int
    exact: bool
    generations: int
    reserve: int = 0


def detectable(state: State, account: Account) -> Detectable | None:
    """What the run can still detect; None before its first test, and where one deterministic score decides."""
    verdicts = [one.verdict for one in state.generations if one.verdict]
    looks = [(_first_look(one), one.unit) for one in verdicts if one.test == PERMUTATION_TEST]
    tested = sorted(((look, unit) for look, unit in looks if look.se > 0), key=lambda one: one[0].se)
    if not tested:
        return None
    (middle, unit), rules, reserve = tested[len(tested) // 2], state.settings.gate, budget.reserve_of(state)
    left = max(0, last_generation(state.settings) - len(verdicts))
    planned = state.settings.generations + (left == 0)
    alpha = threshold(rules, planned)
    if state.rules >= 4:
        alpha = min(level(rules, planned, judged=account.judged, n=middle.n), account.left(rules))
    exact = unit in ("", "instance") and _is_right_or_wrong(middle) and middle.changed <= _COMPUTED
    found = _computed(middle.n, reserve, middle.changed, rules, alpha) if exact else None
    gain, half = found or _approximated(middle, reserve, rules, alpha)
    return Detectable(gain, half, alpha, middle.n, middle.changed, exact, left, reserve)


def _first_look(verdict: GateDecided) -> Look:
    if verdict.looks:
        return verdict.looks[0]
    changed = len(verdict.fixed) + len(verdict.broken)
    return Look(verdict.n, changed, verdict.difference, verdict.se, verdict.p, verdict.alpha)


def _is_right_or_wrong(look: Look) -> bool:
    """Whether every difference is 1 or -1: then, and else hardly ever, their sum and sum of squares are these."""
    n, difference = look.n, look.difference
    squares = look.se**2 * n * (n - 1) + n * difference**2
    whole = math.isclose(n * difference, round(n * difference), rel_tol=1e-6, abs_tol=1e-6)
    return whole and math.isclose(squares, look.changed, rel_tol=1e-6)


@cache
def _computed(n: int, reserve: int, changed: int, rules: Gate, alpha: float) -> tuple[float | None, float]:
    """The smallest gain, rounded up to a whole .0001, and the power at half of it."""

    def power_at(gain: float) -> float:
        return power_of_looks(n, reserve, changed / n, gain, rules, alpha)

    low, high = 0, 64
    while high < 10_000 and power_at(high / 10_000) < POWER:
        low, high = high, min(2 * high, 10_000)
    if power_at(high / 10_000) < POWER:
        return None, 0.0
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if power_at(middle / 10_000) >= POWER else (middle, high)
    return high / 10_000, power_at(high / 20_000)


def _approximated(first: Look, reserve: int, rules: Gate, alpha: float) -> tuple[float | None, float]:
    n, spread = first.n + reserve, first.se * math.sqrt(first.n)
    if reserve:
        alpha = divide_level(alpha, first.n / n)[1]  # by the second look alone
    if 0.5**n >= alpha:
        return None, 0.0  # no p-value is so small
    gain, error = smallest_gain(n, spread, rules, alpha), spread / math.sqrt(n)
    needed = max(-NormalDist().inv_cdf(alpha) * error, rules.minimum_effect)
    return gain, NormalDist().cdf((gain / 2 - needed) / error)


def sentence(found: Detectable) -> str:
    """What the run can still detect, for a person."""
    left = (
        f"each of the {plural(found.generations, 'generation')} left"
        if found.generations > 1
        else "the generation left"
    )
    who = left if found.generations else "one more generation"
    if found.level < 1e-9:
        return f"{who} can claim no gain: the error that the lineage may risk is spent"
    if found.gain is None:
        return f"{who} could detect no gain with {POWER:.0%} power: p must be below {found.level:.2g}"
    if found.exact:
        how = f"computed, if {found.changed:,} of {plural(found.n, 'unit')} change as here"
    else:
        how = f"a normal approximation, with the error of {plural(found.n, 'unit')}"
    how += f", with a second look at {found.reserve:,} more" if found.reserve else ""
    return (
        f"{who} detects a true gain of {found.gain:.2g} with {POWER:.0%} power, "
        f"one of {found.gain / 2:.2g} with {found.half:.0%} (p < {found.level:.2g}; {how})"
    )
