"""Numbers of programs are tuned before the gate, where the run was asked to (`--tune`): probes, and no tokens.

A proposal is tried on the fold beside the best candidate, and the search agent tunes the better of the two; but the
proposal if it changes more than numbers, since these were made for another program. So an Improvement finds something
also where what the agent proposed is worse, and numbers are not what an agent is paid for. The best candidate's probe
is in the log, as a rule, and is not executed again.
"""

from __future__ import annotations

import random
from typing import NamedTuple

from msgspec.structs import replace

from engine.agents import numbers
from engine.agents.language.edits import describe_changes
from engine.agents.portfolio import probed
from engine.agents.protocol import NoProposal, ProbeRequest, Proposal, View
from engine.agents.tuning import search, tune
from engine.plain import decimal
from engine.run.live_run import Run
from engine.seeds import derive
from engine.steps.probes import FoldLab
from harness_repo.harness import Harness
from harness_repo.likeness import are_alike


class _Base(NamedTuple):
    """A harness whose numbers may be tuned, as it is searched, and its score on the fold."""

    harness: Harness
    searched: Harness
    score: float


async def tuned(run: Run, view: View, made: Proposal, first: int) -> Proposal:
    """The proposal, or the best candidate, with better numbers; `made` where none are found.

    `made` too where they are those of a candidate that was judged or that a person declined. `first` is the ordinal of
    the first probe.
    """
    found = await _better(run, view, made, first)
    return made if _is_known(run, view, found.harness) else found


def _is_known(run: Run, view: View, harness: Harness) -> bool:
    judged = [run.state.versions[past.n] for past in view.past if past.weights == view.weights]
    return any(are_alike(run.versions.files(one), harness.files) for one in (*judged, *run.state.declined))


async def _better(run: Run, view: View, made: Proposal, first: int) -> Proposal:
    count = run.state.settings.tune
    if made.tune or (made.harness.manifest.tunables and not made.harness.manifest.evolve):
        asked = replace(made, tune=made.tune or count)
        return await tune(view, asked, _lab(run, view, made.harness), first)
    chance = random.Random(derive(view.settings.seed, "tune", view.generation, view.attempt))
    reach = chance.choice(numbers.REACHES)
    if numbers.searched(made.harness, reach) is None:
        return made  # which the gate judges as it is
    proposed = await _tried(run, view, made.harness, reach, first, "the proposal, to tune its numbers")
    best = await _tried(run, view, view.harness, reach, first + 1, "the best candidate, to compare with")
    chosen = _chosen(proposed, best)
    if chosen is None:
        return made
    lab = _lab(run, view, chosen.searched)
    found = await search(view, chosen.searched, count, lab, first + 2)
    if isinstance(found, NoProposal):
        return made
    harness = numbers.restored(chosen.harness, found.harness)
    if harness.files == chosen.harness.files:
        return made
    if chosen is proposed:
        changed = describe_changes(view.harness, harness)
        return replace(made, harness=harness, changed=changed, reason=f"{made.reason} Tuned: {found.changed}.")
    had = f"had {decimal(proposed.score)} on train" if proposed else "failed"
    reason = f"The best candidate ({decimal(chosen.score)}) was tuned, as the proposal {had}: {made.reason}"
    return Proposal(harness, reason, found.changed, alternative=True)


def _chosen(proposed: _Base | None, best: _Base | None) -> _Base | None:
    """The better of the two; of another structure the proposal, whose numbers were made for the best candidate's."""
    if proposed is None or best is None:
        return proposed or best
    other = numbers.structure(proposed.searched) != numbers.structure(best.searched)
    return proposed if other or proposed.score >= best.score else best


def _lab(run: Run, view: View, harness: Harness) -> FoldLab:
    return FoldLab(run, view.generation, view.attempt, harness)


async def _tried(run: Run, view: View, harness: Harness, reach: float, ordinal: int, why: str) -> _Base | None:
    """The harness with its score; None where it has no numbers, fails, or cannot be paid."""
    if (searched := numbers.searched(harness, reach)) is None:
        return None
    lab = FoldLab(run, view.generation, view.attempt, searched, races=False)
    found = await lab.probe([ProbeRequest(ordinal, {}, why)])
    return _Base(harness, searched, found[0].score.score) if found and probed.eligible(found[0]) else None
