"""Several proposals for one candidate: the best on a held-out fold of `train` goes to the gate (`--proposals`).

A choice on `train` costs no error of the gate, which judges one candidate on `val` as before. Each further proposal is
a conversation of its own, which is told of the earlier ones and asked for another approach. Where two candidates that
are best on different instances of `train` merge without a conflict, that takes the place of one conversation; and of an
Improvement in which the agent proposes nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from msgspec.structs import replace

from engine.agents import decisions, merging
from engine.agents.portfolio import probed
from engine.agents.protocol import AgentTools, Alternatives, NoProposal, ProbeRequest, Proposal, View
from engine.events import types as t
from engine.models.protocol import ToolCall
from engine.plain import decimal
from engine.run.live_run import Run
from engine.steps.probes import FoldLab
from engine.steps.tuned import tuned

_FEWEST = 3
"""So many candidates there are where two can be merged that were made from a third."""
ToolsOf = Callable[[int], Awaitable[AgentTools]]
"""The tools of the conversation for the proposal of that number."""


async def choose(run: Run, view: View, first: Proposal, tools_of: ToolsOf) -> Proposal:
    """`first`, or the alternative that scores best on the fold; tuned, if it asks for that."""
    made = [first, *await _alternatives(run, view, first, tools_of)]
    best = await _best(run, view, made) if len(made) > 1 else first
    if not (best.tune or run.state.settings.tune):
        return best
    return await tuned(run, view, best, first=len(made))


async def _alternatives(run: Run, view: View, first: Proposal, tools_of: ToolsOf) -> list[Proposal]:
    agent, wanted = run.ports.agent, run.state.settings.proposals - 1
    if not isinstance(agent, Alternatives):
        return []
    merge = await merged(run, view, [first], tools_of) if wanted > 0 else None
    made: list[Proposal] = [merge] if merge else []
    for number in range(1, wanted + 1 - len(made)):
        found = await agent.alternative(view, [first, *made], await tools_of(number))
        if not isinstance(found, NoProposal):
            made.append(replace(found, alternative=True))
    return made


async def merged(run: Run, view: View, made: list[Proposal], tools_of: ToolsOf) -> Proposal | None:
    """Two candidates merged that no gate has judged and that runs; it is none of `made`."""
    if len(view.past) < _FEWEST or not isinstance(run.ports.agent, Alternatives):
        return None
    tools = await tools_of(run.state.settings.proposals)
    found = next(iter(merging.merges(view, tools.record)), None)
    if found is None or decisions.known_of(made, found.harness):
        return None
    call = ToolCall("", "merge", {"candidates": [found.one, found.other]})
    if (await tools.use(0, call, lambda: tools.smoke(found.harness))).failed:
        return None
    reason = (
        f"What candidates {found.one} and {found.other} each changed in candidate {found.base}, merged without a "
        "conflict. Each is best on training cases on which the other is not."
    )
    return Proposal(found.harness, reason, found.said, alternative=True)


async def _best(run: Run, view: View, made: list[Proposal]) -> Proposal:
    """The proposal with the highest score; the first of equals, and the very first where no probe could be paid."""
    probes: list[t.ProbeFinished | None] = []
    for number, one in enumerate(made):
        lab = FoldLab(run, view.generation, view.attempt, one.harness)
        tried = await lab.probe([ProbeRequest(number, {}, f"proposal {number + 1} of {len(made)}: {one.changed}")])
        probes.append(tried[0] if tried else None)
    scored = [
        (probe.score.score, -number)
        for number, probe in enumerate(probes)
        if probe is not None and probed.eligible(probe)
    ]
    if not scored:
        return made[0]
    chosen = -max(scored)[1]
    others = ", ".join(f"{decimal(score)}" for score, number in scored if number != -chosen)
    beside = f", beside {others}" if others else ""
    why = f"Of {len(made)} proposals it scored best on a fold of train: {decimal(max(scored)[0])}{beside}."
    return replace(made[chosen], reason=f"{made[chosen].reason} {why}")
