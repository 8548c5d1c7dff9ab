"""Who is best where: the candidates that no other surpasses on some instance, from their scores on each.

A candidate that is best somewhere may be worse on average, and still know what the incumbent does not. GEPA selects
from such a front (Agrawal et al., "GEPA: Reflective Prompt Evolution Can Outperform Reinforcement Learning", 2025).
Which scores these are, of `val` for a user or of `train` for an agent, is up to the caller.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from domains.contract import Instance
from engine.plain import plural

Scores = Mapping[int, Mapping[str, float]]
"""By candidate, its score on each instance that it answered."""


class Member(NamedTuple):
    """A candidate, the instances on which none is better, and those of them on which the incumbent is worse."""

    candidate: int
    best: tuple[str, ...]
    ahead: tuple[str, ...]


class Archive(NamedTuple):
    """`leaders` are the best candidates on each instance, ties included.

    `members` are those that are best somewhere and that no other dominates: none is as good wherever it answered, and
    better somewhere or has answered more. Of candidates that are alike the earliest is a member.
    """

    incumbent: int | None
    leaders: dict[str, tuple[int, ...]]
    members: tuple[Member, ...]
    behind: tuple[str, ...]
    """The instances on which another candidate is better than the incumbent."""
    answers: dict[str, int]
    """How many candidates answered each instance."""

    def alike(self, instance: str) -> bool:
        """Whether all candidates that answered the instance, of at least two, have the same score there."""
        return 1 < len(self.leaders[instance]) == self.answers[instance]


def archive(scores: Scores, incumbent: int | None = None) -> Archive:
    """The archive of the candidates in `scores`."""
    tops: dict[str, float] = {}
    answers: Counter[str] = Counter()
    for found in scores.values():
        answers.update(found.keys())
        for instance, score in found.items():
            tops[instance] = max(score, tops.get(instance, score))
    leaders = {
        instance: tuple(n for n in sorted(scores) if scores[n].get(instance) == top)
        for instance, top in sorted(tops.items())
    }
    own = scores.get(incumbent, {}) if incumbent is not None else {}
    behind = tuple(instance for instance in leaders if instance in own and own[instance] < tops[instance])
    best: dict[int, list[str]] = {}
    for instance, winners in leaders.items():
        for n in winners:
            best.setdefault(n, []).append(instance)
    apart = set(behind)
    members = tuple(
        Member(n, tuple(best[n]), tuple(instance for instance in best[n] if instance in apart))
        for n in sorted(best)
        if not any(_dominates(scores[m], scores[n], earlier=m < n) for m in best if m != n)
    )
    return Archive(incumbent, leaders, members, behind, answers)


def by_slice(scores: Mapping[str, float], slices: Mapping[str, str]) -> dict[str, float]:
    """The mean score on each slice; an instance without one stands for itself."""
    found: dict[str, list[float]] = {}
    for instance, score in scores.items():
        found.setdefault(slices.get(instance) or instance, []).append(score)
    return {name: math.fsum(values) / len(values) for name, values in found.items()}


def slices_of(instances: Iterable[Instance]) -> dict[str, str]:
    """The slice of each instance that has one, by its id."""
    return {item.id: item.slice for item in instances if item.slice and isinstance(item.slice, str)}


def _dominates(one: Mapping[str, float], other: Mapping[str, float], *, earlier: bool) -> bool:
    """Whether `one` is as good wherever `other` answered, and better somewhere; of equals, the earlier one is."""
    better = earlier or len(one) > len(other)
    for instance, score in other.items():
        mine = one.get(instance)
        if mine is None or mine < score:
            return False
        better = better or mine > score
    return better


def sentence(found: Archive, noun: str = "generation", place: str = "instance", most: int = 5) -> str:
    """Who is best where the incumbent is not; empty where nobody is."""
    if not found.behind:
        return ""
    ahead = sorted((one for one in found.members if one.ahead), key=lambda one: (-len(one.ahead), one.candidate))
    named = [f"{noun} {one.candidate} on {len(one.ahead)}" for one in ahead[:most]]
    more = f" and {plural(len(ahead) - most, 'other')}" if len(ahead) > most else ""
    answered = sum(found.incumbent in winners for winners in found.leaders.values()) + len(found.behind)
    return (
        f"on {len(found.behind)} of {plural(answered, place)} another is better than {noun} {found.incumbent}; "
        f"best there: {', '.join(named)}{more}"
    )
