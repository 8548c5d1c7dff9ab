"""Tuning: the model proposes a harness, and the search finds the values of the tunables that it declares.

The values are tried on the held-out fold of `train`, so that one candidate goes to the gate, with the best of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from engine.agents.protocol import Lab, NoProposal, ProbeRequest, Proposal, View
from engine.agents.search import SearchAgent
from engine.events import types as t
from harness_repo.harness import Harness


async def tune(view: View, made: Proposal, lab: Lab, first: int) -> Proposal:
    """`made` with the best of `made.tune` values that `lab` tries; as it is where none of them runs.

    `lab` tries values of the harness of `made`; `first` is the ordinal of the first probe.
    """
    found = await search(view, made.harness, made.tune, lab, first)
    if isinstance(found, NoProposal):
        return replace(made, reason=f"{made.reason} Its values were not tuned: {found.reason}.")
    return replace(made, harness=found.harness, reason=f"{made.reason} Tuned: {found.reason}")


async def search(view: View, harness: Harness, count: int, lab: Lab, first: int) -> Proposal | NoProposal:
    """The best of `count` values of the tunables of `harness`, whatever the run has probed before.

    `lab` tries values of `harness`; `first` is the ordinal of the first probe.
    """
    of_its_own = replace(
        view,
        harness=harness,
        past=[],
        declined=[],
        declined_programs=[],
        probes=[],
        known=[],
        settings=replace(view.settings, probes=count),
    )
    return await SearchAgent().find(of_its_own, _Numbered(lab, first), structure=False)


class _Numbered:
    """A lab whose probes are numbered from `first` on."""

    def __init__(self, lab: Lab, first: int) -> None:
        self._lab, self._first = lab, first

    async def probe(self, requests: Sequence[ProbeRequest]) -> list[t.ProbeFinished]:
        return await self._lab.probe([replace(one, ordinal=self._first + one.ordinal) for one in requests])

    async def scores(self, probe: t.ProbeFinished) -> Mapping[str, float]:
        return await self._lab.scores(probe)
