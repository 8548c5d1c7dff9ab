"""The search agent, which needs no language model: it searches the values of declared tunables.

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
from engine.agents.portfolio.rounds import Portfolio, covers, text
from engine.agents.protocol import AgentTools, Lab, NoProposal, Proposal, View
from engine.events import types as t
from engine.plain import decimal, plural
from engine.seeds import derive
from harness_repo.harness import Harness
from harness_repo.tunable import Value


class SearchAgent:
    """Proposes values of declared tunables."""

    name = "search"

    def __init__(self) -> None:
        self._portfolio = Portfolio()
        self._scores: dict[str, Mapping[str, float]] = {}  # of probes by instance, by the blob that holds them

    async def analyse(self, view: View, tools: AgentTools) -> t.AnalysisFinished:
        """The findings, the plan, and the gain to expect."""
        if (choice := levers.choose_training(view, trainable=tools.trainable)) is not None:
            return levers.to_analysis(view, choice, _findings(view))
        probes = [probe for probe in _current_probes(view) if _admits(view.harness, probe)]
        best = probed.best(probes)
        here = probed.find(view.harness, view.harness.params, probes)
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

    async def find(self, view: View, lab: Lab) -> Proposal | NoProposal:
        """As `improve`, which needs no tools but `lab`."""
        if not view.harness.manifest.tunables:
            if program := view.harness.manifest.evolve:
                return NoProposal(f"{program} has no number, flag or operator to vary")
            return NoProposal("the harness declares no tunables, so there is nothing to search")
        probes = [probe for probe in _current_probes(view) if _admits(view.harness, probe)]
        asked, idle, cut_short = 0, 0, False
        while asked < view.settings.probes:
            seed = derive(view.settings.seed, "search", view.generation, view.attempt, asked)
            left = view.settings.probes - asked
            scores = self._by_instance(lab, probes)
            requests = self._portfolio.round(
                view.harness, probes, seed, first=asked, left=left, scores=scores, earlier=view.known
            )
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
            if cut_short or idle >= view.harness.manifest.patience:
                break  # the search has stalled
        made = _choose(view, probes)
        if isinstance(made, NoProposal) and cut_short:
            return NoProposal(f"{made.reason}; the budget of evaluations allowed no more probes")
        return made

    def _by_instance(self, lab: Lab, probes: Sequence[t.ProbeFinished]) -> list[Mapping[str, float]]:
        for probe in probes:
            if probe.items not in self._scores:
                self._scores[probe.items] = lab.scores(probe)
        return [self._scores[probe.items] for probe in probes]


def _current_probes(view: View) -> list[t.ProbeFinished]:
    """The probes under the incumbent's weights."""
    return [probe for probe in view.probes if probe.weights == view.weights]


def _admits(harness: Harness, probe: t.ProbeFinished) -> bool:
    """Whether the harness still admits a probe's values: a person may have edited it since."""
    return all(
        harness.manifest.tunables[name].admits(value)
        for name, value in probed.active_values(harness, probe.params).items()
    )


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
        values = text(probed.active_values(view.harness, best.params))
        lines.append(f"the best of {len(probes)} probes so far scored {decimal(best.score.score)} with {values}")
    return ". ".join(lines)


def _choose(view: View, probes: Sequence[t.ProbeFinished]) -> Proposal | NoProposal:
    """The best probe that no generation has executed; none if all are clearly below the incumbent.

    The fold is small, so probes within one standard error of the best count as equal: the gate decides. Among them, the
    structure that was executed least comes first, then the higher score.
    """
    tried = [*(past.params for past in view.past if past.weights == view.weights), *view.declined]
    executed = {probed.key(view.harness, params) for params in tried}
    structures = Counter(probed.structure(view.harness, params) for params in tried)
    here = probed.find(view.harness, view.harness.params, probes)
    fresh = [
        probe for probe in probes if probed.key(view.harness, probe.params) not in executed and probed.eligible(probe)
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
    best = min(near, key=lambda probe: (structures[probed.structure(view.harness, probe.params)], -probe.score.score))
    harness = view.harness.with_params(best.params)
    changed = _difference(view.harness.params, probed.active_values(view.harness, best.params))
    base = f", the incumbent {decimal(probed.expected(here))}" if here else ""
    reason = (
        f"{changed}. On {best.fold} this scored {decimal(best.score.score)} ± {decimal(best.score.se)}{base}; "
        f"of {len(probes)} probes so far the best not yet executed scored {decimal(top.score.score)} ({best.why})."
    )
    return Proposal(harness, reason, changed)


def _difference(old: Mapping[str, Value], new: Mapping[str, Value]) -> str:
    return (
        ", ".join(f"{name} {old.get(name)} → {value}" for name, value in new.items() if old.get(name) != value)
        or "nothing"
    )
