"""The search agent, which needs no language model: it searches the values of declared tunables.

Where none are declared, it searches a program's numbers and its structure (`engine.agents.structure`).

One Improvement first tries what earlier runs knew, in a run with a warm start, and each untried structural choice once,
then covers the space, and works in small rounds until
`patience` of them in a row find nothing better. What a round proposes is the portfolio's (`engine.agents.portfolio`).
Proposals that fail the private check are never built upon. Randomness comes from the run's seed and state from the log
alone, so that a resumed run makes the same proposals.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from engine.agents import levers
from engine.agents.portfolio import probed
from engine.agents.portfolio.rounds import Portfolio, covers
from engine.agents.protocol import AgentTools, Lab, NoProposal, Proposal, View
from engine.agents.structure.programs import Programs, judged
from engine.agents.structure.rounds import Rounds, can_change
from engine.events import types as t
from engine.plain import decimal, plural
from engine.seeds import derive
from harness_repo.harness import Harness


class SearchAgent:
    """Proposes values of tunables, and changes of the structure of a program that declares none."""

    name = "search"

    def __init__(self) -> None:
        self._portfolio = Portfolio()
        self._scores: dict[str, Mapping[str, float]] = {}  # of probes by slice or instance, by the blob that holds them

    async def analyse(self, view: View, tools: AgentTools) -> t.AnalysisFinished:
        """The findings, the plan, and the gain to expect."""
        if (choice := levers.choose_training(view, trainable=tools.trainable)) is not None:
            return levers.to_analysis(view, choice, _findings(view))
        programs = Programs(view.harness)
        probes = list(filter(programs.admits, _current_probes(view)))
        best = probed.best(probes)
        here = programs.find(view.harness.params, probes)
        gain = best.score.score - probed.expected(here) if best and here else None
        untried = probed.untried_choices(view.harness, probes)
        plan = (
            f"try each of {len(untried)} untried structural choices once, then refine the best"
            if untried
            else "try what a surrogate and TPE expect most of, and refine the best proposals so far"
        )
        return t.AnalysisFinished(
            findings=_findings(view),
            lever="harness",
            reason=f"{plan}; {view.settings.probes} probes on a fold of train at most",
            evidence=list(view.evidence),
            expected_gain=gain,
            cost_estimate=f"{plural(view.settings.probes * view.settings.probe_fold, 'evaluation')} at most",
        )

    async def improve(self, view: View, analysis: t.AnalysisFinished, tools: AgentTools) -> Proposal | NoProposal:
        """Probes, then proposes the best probe that no generation has executed."""
        return await self.find(view, tools)

    async def find(self, view: View, lab: Lab, *, structure: bool = True) -> Proposal | NoProposal:
        """As `improve`, which needs no tools but `lab`; without `structure` only values are searched."""
        if reason := _nothing_to_search(view.harness, structure=structure):
            return NoProposal(reason)
        programs = Programs(view.harness, structure=structure)
        rounds = Rounds(programs, self._portfolio, [*(one.program for one in view.past), *view.declined_programs])
        probes = list(filter(programs.admits, _current_probes(view)))
        asked, idle, cut_short = 0, 0, False
        while asked < view.settings.probes:
            seed = derive(view.settings.seed, "search", view.generation, view.attempt, asked)
            left = view.settings.probes - asked
            scores = await self._scores_of(lab, probes)
            requests = rounds.round(probes, seed, first=asked, left=left, scores=scores, earlier=view.known)
            if not requests:
                break
            covering = bool(probed.untried_choices(view.harness, probes)) or covers(view.harness, probes)
            before = probed.best(probes)
            found = await lab.probe(requests)
            probes += found
            asked += len(requests)
            after = probed.best(probes)
            stalled = before is not None and after is not None and after.score.score <= before.score.score
            cut_short = len(found) < len(requests)
            idle = idle + 1 if stalled and not covering else 0
            if cut_short or idle >= rounds.patience:
                break  # the search has stalled
        made = _choose(view, programs, probes)
        if isinstance(made, NoProposal) and cut_short:
            return NoProposal(f"{made.reason}; the budget of evaluations allowed no more probes")
        return made

    async def _scores_of(self, lab: Lab, probes: Sequence[t.ProbeFinished]) -> list[Mapping[str, float]]:
        for probe in probes:
            if probe.items not in self._scores:
                self._scores[probe.items] = await lab.scores(probe)
        return [self._scores[probe.items] for probe in probes]


def _current_probes(view: View) -> list[t.ProbeFinished]:
    """The probes under the incumbent's weights."""
    return [probe for probe in view.probes if probe.weights == view.weights]


def _nothing_to_search(harness: Harness, *, structure: bool) -> str:
    """Why there is nothing to vary; empty if there is something."""
    if harness.manifest.tunables or (structure and can_change(harness)):
        return ""
    if harness.manifest.evolve:
        return f"{harness.manifest.evolve} has no number, flag, operator or structure to vary"
    return "the harness declares no tunables, so there is nothing to search"


def _findings(view: View) -> str:
    now = next((one for one in view.past if one.n == view.generation), None)
    if now is None:
        return "nothing was executed"
    failed = sum(result.failure is not None for result in view.train)
    total = sum(result.score for result in view.train)
    train = (
        f"mean {decimal(total / len(view.train))} on {len(view.train)} train instances"
        if view.train
        else "no train instances"
    )
    scored = f"generation {now.n}" + (f" scored {now.val} on val ({now.verdict})" if now.val else f" was {now.verdict}")
    lines = [f"{scored}; {train}, {failed} failed"]
    probes = _current_probes(view)
    if best := probed.best(probes):
        with_what = Programs(view.harness).text(best.params)
        lines.append(f"the best of {len(probes)} probes so far scored {decimal(best.score.score)} with {with_what}")
    return ". ".join(lines)


def _choose(view: View, programs: Programs, probes: Sequence[t.ProbeFinished]) -> Proposal | NoProposal:
    """The best probe that no generation has executed; none if all are clearly below the incumbent.

    The fold is small, so probes within one standard error of the best count as equal: the gate decides. Among them, the
    structure that was executed least comes first, then the higher score. A change of the structure that leaves the
    score as it was has no effect, and is not proposed.
    """
    executed = programs.executed(view, probes)
    structures = Counter(map(programs.structure, judged(view)))
    here = programs.find(view.harness.params, probes)
    fresh = [
        probe
        for probe in probes
        if probed.eligible(probe)
        and programs.key(probe.params) not in executed
        and not (here and programs.changes(probe.params) and probe.score == here.score)
    ]
    top = probed.best(fresh)
    if top is None:
        refused = " and passed the private check" if any(probe.refused for probe in probes) else ""
        return NoProposal(f"no new proposal ran without a failure{refused}")
    if (
        here is not None
        and not here.refused
        and not here.stopped
        and top.score.score < here.score.score - here.score.se
    ):
        return NoProposal(
            f"no new proposal came near the incumbent's {decimal(here.score.score)} ± {decimal(here.score.se)} "
            "on the probe fold "
            f"(the best of {len(fresh)} new ones scored {decimal(top.score.score)})"
        )
    near = [probe for probe in fresh if probe.score.score >= top.score.score - top.score.se]
    best = min(near, key=lambda probe: (structures[programs.structure(probe.params)], -probe.score.score))
    changed = programs.told(best.params)
    base = f", the incumbent {decimal(probed.expected(here))}" if here else ""
    reason = (
        f"{changed}. On {best.fold} this scored {decimal(best.score.score)} ± {decimal(best.score.se)}{base}; "
        f"of {len(probes)} probes so far the best not yet executed scored {decimal(top.score.score)} ({best.why})."
    )
    return Proposal(view.harness.with_params(best.params), reason, changed)
