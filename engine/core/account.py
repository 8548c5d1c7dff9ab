"""The account of error of a lineage: what its verdicts have spent of the false acceptance that it may risk.

A run, its forks and branches, and the generations that are added to it draw from one account of `Gate.run_alpha`: each
candidate's level is paid from it, and comes back where the candidate was accepted by what was paid. So the levels of
all candidates that the account did not accept add up to at most `run_alpha`, which bounds the probability that it ever
accepts one by mistake: alpha-spending that recycles, as the online fallback (Tian and Ramdas, "Online control of the
familywise error rate", Statistical Methods in Medical Research 30, 2021). A verdict that could not have been an
acceptance, whatever the signs of its differences, costs nothing (Tarone, Biometrics 46, 1990).

A lineage that has spent its error goes on, and its acceptances say that they are beyond it.

Where a domain's run has a reserve, a level is divided between two looks (`divide_level`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import msgspec

from engine.core.units import Row
from engine.events.types import Candidate, Gate, Look
from engine.plain import plural


class Account(msgspec.Struct, frozen=True):
    """What each comparison of a lineage has spent, by its name (`name_of`).

    A fork that compares the same candidates with the same results tests nothing anew: it counts once.
    """

    spent: Mapping[str, float] = {}

    @property
    def judged(self) -> int:
        """How many candidates were tested."""
        return len(self.spent)

    def left(self, gate: Gate) -> float:
        """How much of the error is not spent."""
        return max(0.0, gate.run_alpha - math.fsum(self.spent.values()))

    def with_spent(self, spent: Mapping[str, float]) -> Account:
        """The account after more verdicts; of one comparison the larger payment counts."""
        return Account({**self.spent, **{name: max(one, self.spent.get(name, 0.0)) for name, one in spent.items()}})

    def lacks(self, spent: Mapping[str, float]) -> dict[str, float]:
        """What of `spent` the account does not have, or has a smaller payment for."""
        return {name: one for name, one in spent.items() if one > self.spent.get(name, -1.0)}

    def without(self, name: str) -> Account:
        """The account as it would be without that comparison."""
        return Account({other: one for other, one in self.spent.items() if other != name})


UNUSED = Account()


class Payment(msgspec.Struct, frozen=True):
    """What a verdict takes from the account, and whether its acceptance is `beyond` what was left."""

    spent: float
    beyond: bool


def name_of(candidate: Candidate | None, rival: Candidate | None, differences: Mapping[Row, float]) -> str:
    """The name of a comparison: a digest over both candidates and the differences of their scores."""
    import hashlib  # the app's first paint does without

    compared = (candidate, rival, [(*row, differences[row]) for row in sorted(differences)])
    return hashlib.sha256(msgspec.json.encode(compared, order="deterministic")).hexdigest()[:16]


def pay(left: float, level: float, p: float, changed: int, *, accepted: bool) -> Payment:
    """The payment for a test at `level` of a candidate with `changed` units that differ from the incumbent's."""
    drawn = min(level, left)
    covered = accepted and p < drawn
    possible = 0.5**changed < drawn  # the p-value where all differences are gains
    return Payment(0.0 if covered or not possible else drawn, beyond=accepted and not covered)


def divide_level(level: float, share: float) -> tuple[float, float]:
    """What of `level` a first look at `share` of the instances may spend, and the second look at all of them.

    The first spends what O'Brien and Fleming's boundary does (Lan and DeMets, "Discrete Sequential Boundaries for
    Clinical Trials", Biometrika 70, 1983). Both add up to `level`, which bounds the error of both looks together,
    however they depend on each other.
    """
    if level <= 0:
        return 0.0, 0.0
    from statistics import NormalDist

    normal = NormalDist()
    first = round(2 * normal.cdf(normal.inv_cdf(level / 2) / share**0.5), 9)  # the same on every machine
    return first, level - first


def pay_for_looks(left: float, level: float, share: float, looks: Sequence[Look], *, accepted: bool) -> Payment:
    """The payment for one or two looks, as `pay` for one test.

    A second look that was not taken is paid for, since another sign of the first would have led to it; unless nothing
    had changed at the first.
    """
    drawn = min(level, left)
    parts = divide_level(drawn, share)
    covered = accepted and any(one.p < part for one, part in zip(looks, parts, strict=False))
    first, second = looks[0], looks[1] if len(looks) > 1 else None
    possible = 0.5**first.changed < parts[0], 0.5**second.changed < parts[1] if second else first.changed > 0
    spent = drawn if all(possible) else math.fsum(part for part, one in zip(parts, possible, strict=True) if one)
    return Payment(0.0, beyond=False) if covered else Payment(spent, beyond=accepted)


def sentence(judged: int, instances: int, error: float, left: float) -> str:
    """Where an account stands, for a person."""
    those = "these" if instances != 1 else "this"
    rest = f"{round(left, 9):.2g} of {error:g}"
    on = f"on {those} {plural(instances, 'instance')}"
    return f"this lineage has judged {plural(judged, 'candidate')} {on}; {rest} is left"
