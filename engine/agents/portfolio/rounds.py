"""A round of proposals: first what covers the space, then what the members of the portfolio propose.

Each place of a round goes to one member, by Thompson sampling (`share`): a member's share of proposals that scored
better than all before is drawn from a Beta distribution after its latest proposals, and the largest draw proposes.
Where nothing pays any more, all take turns. Where the fold has several instances, the archive of those who are best on
some of them is one more member. What lies close to known failures is drawn again (`avoided`). The numbers of a program
that declares none are varied and drawn by TPE alone, as nothing is known of the others there.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Literal

from engine.agents.portfolio import archived, probed
from engine.agents.portfolio.avoided import Avoided
from engine.agents.portfolio.probed import Params
from engine.agents.portfolio.share import share_drawn
from engine.agents.portfolio.start import spread
from engine.agents.portfolio.tpe import Tpe
from engine.agents.portfolio.variation import cross_and_vary, vary
from engine.agents.protocol import ProbeRequest
from engine.events import types as t
from engine.plain import decimal
from engine.seeds import derive
from harness_repo.harness import Harness

ROUND = 4
COVERED = 8
"""So many probes are known, at least, before the members propose."""
INCUMBENT = "the incumbent, to compare with"
_ALONE = "structural choice"
Member = Literal["expected most of", "drawn by TPE", "variation", "crossing", "of the archive"]
_TRIES = 8
"""So many draws of a member are looked at, where the first ones are avoided."""
MEMBERS: tuple[Member, ...] = ("expected most of", "drawn by TPE", "variation", "crossing")


class Portfolio:
    """The members; TPE keeps what it was told of the probes. A round is a function of its arguments alone."""

    def __init__(self) -> None:
        self._tpe = Tpe()

    def round(
        self,
        harness: Harness,
        probes: Sequence[t.ProbeFinished],
        seed: int,
        *,
        first: int,
        left: int,
        scores: Sequence[Mapping[str, float]] = (),
        earlier: Sequence[t.Known] = (),
    ) -> list[ProbeRequest]:
        """At most `left` proposals, none of which was probed; their ordinals begin with `first`.

        `scores` are those of each probe by instance, where they are known. What `earlier` runs knew comes first, as far
        as the harness takes it.
        """
        known = {probed.key(harness, probe.params) for probe in probes}
        requests: list[ProbeRequest] = []
        begun = _of_earlier_runs(harness, known, earlier)
        for params, why in begun or self._proposals(harness, probes, known, seed, scores):
            settled = {**harness.params, **probed.active_values(harness, params)}
            name = probed.key(harness, settled)
            if name not in known and len(requests) < left:
                known.add(name)
                requests.append(ProbeRequest(first + len(requests), settled, why))
        return requests

    def _proposals(
        self,
        harness: Harness,
        probes: Sequence[t.ProbeFinished],
        known: set[bytes],
        seed: int,
        scores: Sequence[Mapping[str, float]],
    ) -> list[tuple[Params, str]]:
        made: list[tuple[Params, str]] = []
        if probed.key(harness, harness.params) not in known:
            made.append((dict(harness.params), INCUMBENT))
        made += [
            (dict(harness.params) | change, f"{_ALONE} {text(change)}")
            for change in probed.untried_choices(harness, probes)
        ]
        if made:
            return made
        avoided = Avoided(harness, probes)
        if covers(harness, probes):
            return [one for one in spread(harness, ROUND, seed) if one[0] not in avoided]
        members = archived.kept(probes, scores) if scores and not harness.manifest.evolve else []
        playing = (*MEMBERS, archived.MEMBER) if members else MEMBERS
        chosen = [_choose(harness, probes, derive(seed, "member", place), playing) for place in range(ROUND)]
        for place, member in enumerate(chosen):
            if member == "expected most of":
                continue
            seeds = [derive(seed, place), *(derive(seed, place, turn) for turn in range(1, _TRIES))]
            if member == archived.MEMBER:
                drawn = (archived.propose(harness, members, probes, known, random.Random(one)) for one in seeds)
            else:
                drawn = (self._propose(member, harness, probes, one) for one in seeds)
            made += islice((found for found in drawn if found is not None and found[0] not in avoided), 1)
        if count := chosen.count("expected most of"):
            from engine.agents.portfolio.improvement import draw

            best = draw(harness, probes, derive(seed, "expected"), count, avoided)
            made += [(params, "expected most of") for params in best]
        return made

    def _propose(
        self, member: Member, harness: Harness, probes: Sequence[t.ProbeFinished], seed: int
    ) -> tuple[Params, str]:
        leaders = [probe for probe in probed.leaders(harness, probes) if probed.degrees(harness, probe.params)]
        if member == "drawn by TPE" or not leaders:
            return self._tpe.draw(harness, probes, seed), "drawn by TPE"
        chance = random.Random(seed)
        if member == "crossing":
            return cross_and_vary(harness, probes, chance), "crossing of two of the best"
        rank = _rank(chance) % len(leaders)
        of = f"structure number {rank + 1} by score" if rank else "the best probe"
        return vary(harness, leaders[rank].params, chance), f"variation of {of}"


def _of_earlier_runs(harness: Harness, known: set[bytes], earlier: Sequence[t.Known]) -> list[tuple[Params, str]]:
    """The incumbent, if it is not `known`, and those values of earlier runs that are not and that the harness takes."""
    fresh = [
        (one.params, known_from(one))
        for one in earlier
        if _is_taken(harness, one.params) and probed.key(harness, one.params) not in known
    ]
    if fresh and probed.key(harness, harness.params) not in known:
        fresh.insert(0, (dict(harness.params), INCUMBENT))
    return fresh


def known_from(one: t.Known) -> str:
    """Where values of an earlier run come from, as the reason to try them."""
    return f"the best of run {one.name or one.run}, where it scored {decimal(one.score)}"


def _is_taken(harness: Harness, params: Params) -> bool:
    """Whether a harness takes values of another one: it declares all of them, and admits those that have an effect."""
    tunables = harness.manifest.tunables
    return params.keys() <= tunables.keys() and all(
        tunables[name].admits(value) for name, value in probed.active_values(harness, params).items()
    )


def _rank(chance: random.Random) -> int:
    """The structure that is varied, by the rank of its score: each has half the chance of the one before it."""
    rank = 0
    while chance.random() < 0.5:
        rank += 1
    return rank


def covers(harness: Harness, probes: Sequence[t.ProbeFinished]) -> bool:
    """Whether the next round covers the space, rather than refines what is known."""
    return not harness.manifest.evolve and len(probes) < COVERED


def text(params: Params) -> str:
    """Values as a sentence names them."""
    return ", ".join(f"{name} = {value}" for name, value in params.items())


def _choose(
    harness: Harness, probes: Sequence[t.ProbeFinished], seed: int, playing: Sequence[Member] = MEMBERS
) -> Member:
    """The member that proposes: of each, a share of successes is drawn, and the largest counts."""
    chance = random.Random(seed)
    if harness.manifest.evolve:
        return "drawn by TPE" if chance.random() < 1 / ROUND else "variation"
    return share_drawn(
        playing, probes, lambda probe: next((one for one in playing if probe.why.startswith(one)), None), chance
    )
