"""A round of proposals for a program whose structure may change: some places go to numbers, some to structure.

Which, is drawn by Thompson sampling, as among the members of the portfolio: of each of the two a share of proposals
that scored better than all before, from the latest ones. Numbers are those of the best program so far. The next change
is made of one of the best programs, with the values that were best there: first a kind of change is drawn and then one
of that kind, since the operators of a program are many and its statements are few.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Mapping, Sequence

import msgspec

from engine.agents.portfolio import probed
from engine.agents.portfolio.probed import Params
from engine.agents.portfolio.rounds import INCUMBENT, ROUND, Portfolio, known_from
from engine.agents.portfolio.share import share_drawn
from engine.agents.protocol import ProbeRequest
from engine.agents.structure.carried import carried
from engine.agents.structure.programs import Program, Programs
from engine.events import types as t
from engine.seeds import derive
from harness_repo.harness import Harness
from harness_repo.structure.changes import changes, meaning
from harness_repo.structure.named import named, values_of

PATIENCE = 4
"""So many rounds without a gain end a search, at least, where the structure may change."""
MOST_CHANGES = 12
"""A program that so many changes lead to is changed no further; once accepted, it is where the next ones begin."""
_TRIES = 24


class Rounds:
    """The rounds of one search. `portfolio` knows of the incumbent's program; `tried` are the meanings of programs that
    were executed before."""

    def __init__(self, programs: Programs, portfolio: Portfolio, tried: Sequence[str] = ()) -> None:
        self._programs, self._tried = programs, set(tried)
        self._portfolios: dict[tuple[str, ...], Portfolio] = defaultdict(Portfolio, {(): portfolio})

    @property
    def patience(self) -> int:
        """So many rounds without a gain end the search."""
        patience = self._programs.base.manifest.patience
        return max(patience, PATIENCE) if self._programs.open else patience

    def round(
        self,
        probes: Sequence[t.ProbeFinished],
        seed: int,
        *,
        first: int,
        left: int,
        scores: Sequence[Mapping[str, float]] = (),
        earlier: Sequence[t.Known] = (),
    ) -> list[ProbeRequest]:
        """At most `left` proposals, none of which was probed; their ordinals begin with `first`.

        `scores` are those of each probe by instance, where they are known; `earlier` is what earlier runs knew.
        """
        base = self._programs.base
        if not self._programs.open:
            return self._portfolios[()].round(
                base, probes, seed, first=first, left=left, scores=scores, earlier=earlier
            )
        programs = self._programs.grouped(probes)
        made: list[ProbeRequest] = []
        is_new = self._programs.find(base.params, probes) is None
        if is_new:
            made.append(ProbeRequest(0, _own(base), INCUMBENT))
        if found := self._of_earlier_runs(probes, earlier):
            return [msgspec.structs.replace(one, ordinal=first + n) for n, one in enumerate([*made, *found][:left])]
        leading = _by_score(programs) or programs[:1]
        varied = next((one for one in leading if one.harness.manifest.tunables), None)
        known = {one.harness.skeleton for one in programs}
        for place in range(len(made), min(left, ROUND)):
            if is_new or varied is None or _is_structural(probes, derive(seed, "structure", place)):
                change = self._changed(leading, known, random.Random(derive(seed, "change", place)))
                made += [change] if change is not None else []
        if varied is not None and not is_new and (count := min(left, ROUND) - len(made)) > 0:
            made += self._numbers(varied, seed, count)
        return [msgspec.structs.replace(one, ordinal=first + n) for n, one in enumerate(made[:left])]

    def _of_earlier_runs(self, probes: Sequence[t.ProbeFinished], earlier: Sequence[t.Known]) -> list[ProbeRequest]:
        """What earlier runs knew of programs that the same changes make of this one, as far as it is not yet probed.

        The incumbent is left out: it comes first of itself.
        """
        programs = self._programs
        known = {programs.key(programs.base.params), *(programs.key(probe.params) for probe in probes)}
        found: list[ProbeRequest] = []
        for one in earlier:
            if programs.takes(one.params) and (name := programs.key(one.params)) not in known:
                known.add(name)
                smoke = bool(programs.changes(one.params))
                found.append(ProbeRequest(0, dict(one.params), known_from(one), smoke=smoke))
        return found

    def _numbers(self, program: Program, seed: int, count: int) -> list[ProbeRequest]:
        """Other values of a program."""
        best = program.best.params if program.best else {}
        harness = program.harness
        # so that what it asks for begins with the values that were best
        settled = msgspec.structs.replace(harness, params={**harness.params, **probed.active_values(harness, best)})
        found = self._portfolios[program.changes].round(settled, program.probes, seed, first=0, left=count)
        if not program.changes:
            return found
        return [
            ProbeRequest(
                0, named(harness.skeleton, program.changes, one.params), f"{one.why}, after {program.changes[-1]}"
            )
            for one in found
        ]

    def _changed(self, leading: list[Program], known: set[str], chance: random.Random) -> ProbeRequest | None:
        """A change of one of the best programs that makes a new one; None if none was found."""
        for _ in range(_TRIES):
            rank = 0
            while rank + 1 < len(leading) and chance.random() < 0.5:
                rank += 1
            parent = leading[rank]
            why = _drawn(parent.harness, chance)
            if why is None or len(parent.changes) >= MOST_CHANGES:
                continue
            lead = (*parent.changes, why)
            child = self._programs.after(lead)
            if child is None or child.skeleton in known or meaning(child.source) in self._tried:
                continue
            known.add(child.skeleton)
            self._tried.add(meaning(child.source))
            values = values_of(carried(parent.harness, parent.best.params if parent.best else {}, child))
            told = f"{why}, after {parent.changes[-1]}" if parent.changes else why
            return ProbeRequest(0, named(child.skeleton, lead, values), told, smoke=True)
        return None


def _by_score(programs: Sequence[Program]) -> list[Program]:
    """Those that ran, best first; of equals the one with fewer changes."""
    ran = [(-one.best.score.score, len(one.changes), n, one) for n, one in enumerate(programs) if one.best]
    return [one for *_, one in sorted(ran, key=lambda row: row[:3])]


def can_change(harness: Harness) -> bool:
    """Whether the harness has a program whose structure may change."""
    return bool(harness.program and changes(harness.source, numbers=not harness.manifest.evolve))


def _own(harness: Harness) -> Params:
    """The parameters of the incumbent; they name its program where nothing else does."""
    return dict(harness.params) if harness.manifest.tunables else named(harness.skeleton, (), harness.params)


def _drawn(harness: Harness, chance: random.Random) -> str | None:
    """One of the harness's changes: first a kind, then one of that kind."""
    kinds: dict[str, list[str]] = defaultdict(list)
    for why, change in changes(harness.source, numbers=not harness.manifest.evolve).items():
        kinds[change.kind].append(why)
    return chance.choice(kinds[chance.choice(sorted(kinds))]) if kinds else None


def _is_structural(probes: Sequence[t.ProbeFinished], seed: int) -> bool:
    """Whether a place goes to structure, rather than to numbers."""

    def changed(probe: t.ProbeFinished) -> bool | None:
        return None if probe.why == INCUMBENT else probe.why.startswith(("line ", "lines "))

    return share_drawn((True, False), probes, changed, random.Random(seed))
