"""Proposals from the archive: of the probes that are best on some instances of the fold, two crossed or one varied.

The best probe on average need not know all that the others know. What is crossed are one probe that is best where the
best of all is not, and another that is better than it elsewhere; both are drawn by how many instances speak for them.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from engine.agents.archive import archive
from engine.agents.portfolio import probed
from engine.agents.portfolio.probed import Params
from engine.agents.portfolio.variation import vary
from engine.events import types as t
from harness_repo.harness import Harness
from harness_repo.tunable import Value

MEMBER: Literal["of the archive"] = "of the archive"
_CROSSED = 0.75
"""This share of proposals crosses two; the others vary one."""
_TRIES = 16
"""So often another crossing is drawn where one was probed before."""


class Kept(NamedTuple):
    """A probe in the archive: its scores by instance, how many it is best on, and on how many of these the best probe
    of all is worse."""

    probe: t.ProbeFinished
    scores: Mapping[str, float]
    best: int
    ahead: int


def kept(probes: Sequence[t.ProbeFinished], scores: Sequence[Mapping[str, float]]) -> list[Kept]:
    """The archive of the probes; empty where one of them is best everywhere. `scores` are theirs by instance."""
    ran = [n for n, probe in enumerate(probes) if probed.eligible(probe) and len(scores[n]) > 1]
    top = probed.best(probes[n] for n in ran)
    if top is None:
        return []
    found = archive({n: scores[n] for n in ran}, next(n for n in ran if probes[n] is top))
    members = [
        Kept(probes[one.candidate], scores[one.candidate], len(one.best), len(one.ahead)) for one in found.members
    ]
    return members if any(one.ahead for one in members) else []


def propose(
    harness: Harness,
    members: Sequence[Kept],
    probes: Sequence[t.ProbeFinished],
    known: set[bytes],
    chance: random.Random,
) -> tuple[Params, str] | None:
    """A proposal, and what it was made of; None where no member has a value to change. `known` were probed."""
    one = chance.choices(members, [member.ahead for member in members])[0]
    gains = [_gain(member.scores, one.scores) for member in members]
    if any(gains) and chance.random() < _CROSSED:
        other = chance.choices(members, gains)[0]
        base = _between(harness, one.probe, other.probe, probes)
        for number in range(_TRIES):
            start = base if number == 0 else chance.choice((base, None))
            made = merged(harness, one.probe.params, other.probe.params, start, chance)
            if probed.key(harness, made) not in known:
                return made, f"{MEMBER}, two crossed: {_named(one)}, and {_named(other)}"
    if not probed.degrees(harness, one.probe.params):
        return None
    return vary(harness, one.probe.params, chance), f"{MEMBER}, one varied: {_named(one)}"


def merged(
    harness: Harness,
    one: Mapping[str, Value],
    other: Mapping[str, Value],
    base: Mapping[str, Value] | None,
    chance: random.Random,
) -> Params:
    """Each value from one of both: where only one differs from `base`, from that one; else from either.

    The structural choices in which both differ come from the same one.
    """
    first, second = {**harness.params, **one}, {**harness.params, **other}
    start = {**harness.params, **base} if base is not None else None
    structure = chance.choice((first, second))
    made: Params = {}
    for name, tunable in harness.manifest.tunables.items():
        either = structure if tunable.structural else chance.choice((first, second))
        if start is not None and (first[name] == start[name]) != (second[name] == start[name]):
            either = second if first[name] == start[name] else first
        made[name] = either[name]
    return made


def _between(
    harness: Harness, one: t.ProbeFinished, other: t.ProbeFinished, probes: Sequence[t.ProbeFinished]
) -> Params | None:
    """The values of the probe that is closest to both, as what they were made from: the fewest values differ."""
    both = [{**harness.params, **probe.params} for probe in (one, other)]
    others = [{**harness.params, **probe.params} for probe in probes if probe is not one and probe is not other]
    apart = [sum(values[name] != end[name] for end in both for name in values) for values in others]
    return others[apart.index(min(apart))] if apart else None


def _gain(other: Mapping[str, float], one: Mapping[str, float]) -> float:
    """By how much `other` is better where it is better than `one`, over the instances that both answered."""
    return sum(max(0.0, score - one[instance]) for instance, score in other.items() if instance in one)


def _named(one: Kept) -> str:
    of = f"probe {one.probe.ordinal} after generation {one.probe.generation}"
    return f"{of}, best on {one.best} of {len(one.scores)}"
