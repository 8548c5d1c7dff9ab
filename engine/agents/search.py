"""The search agent, which needs no language model: it searches the values of declared tunables.

One Improvement first tries each untried structural choice once, then works in small rounds until `patience` of them in
a row find nothing better. Most proposals of a round vary the best probes so far (one for each structure) in one or two
values; the last one is drawn by Optuna's TPE (Bergstra et al., "Algorithms for Hyper-Parameter Optimization", 2011)
from the probes that it sees. Proposals that fail the private check are never varied. Randomness comes from the run's
seed and state from the log alone, so that a resumed run makes the same proposals.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from engine.agents import levers
from engine.agents.protocol import AgentTools, Lab, NoProposal, ProbeRequest, Proposal, View
from engine.agents.tpe import Params, Tpe, active_values
from engine.events import types as t
from engine.plain import decimal, plural
from engine.seeds import derive
from harness_repo.harness import Harness
from harness_repo.tunable import Tunable, Value

ROUND = 4


class SearchAgent:
    """Proposes values of declared tunables."""

    name = "search"

    def __init__(self) -> None:
        self._tpe = Tpe()

    async def analyse(self, view: View, tools: AgentTools) -> t.AnalysisFinished:
        """The findings, the plan, and the gain to expect."""
        if (choice := levers.choose_training(view, trainable=tools.trainable)) is not None:
            return levers.to_analysis(view, choice, _findings(view))
        probes = [probe for probe in _current_probes(view) if _admits(view.harness, probe)]
        best = _best(probes)
        here = _find_probe(view.harness, view.harness.params, probes)
        gain = best.score.score - here.score.score if best and here else None
        untried = _untried_choices(view.harness, probes)
        plan = (
            f"try each of {len(untried)} untried structural choices once, then refine the best"
            if untried
            else ("refine the best proposal so far, and sample others from the probes with TPE")
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
            requests = _round(view, probes, asked, self._tpe)
            if not requests:
                break
            covering = bool(_untried_choices(view.harness, probes))
            before = _best(probes)
            found = await lab.probe(requests)
            probes += found
            asked += len(requests)
            after = _best(probes)
            stalled = before is not None and after is not None and after.score.score <= before.score.score
            cut_short = len(found) < len(requests)
            idle = idle + 1 if stalled and not covering else 0
            if cut_short or idle >= view.harness.manifest.patience:
                break  # the search has stalled
        made = _choose(view, probes)
        if isinstance(made, NoProposal) and cut_short:
            return NoProposal(f"{made.reason}; the budget of evaluations allowed no more probes")
        return made


def _current_probes(view: View) -> list[t.ProbeFinished]:
    """The probes under the incumbent's weights."""
    return [probe for probe in view.probes if probe.weights == view.weights]


def _admits(harness: Harness, probe: t.ProbeFinished) -> bool:
    """Whether the harness still admits a probe's values: a person may have edited it since."""
    return all(
        harness.manifest.tunables[name].admits(value) for name, value in active_values(harness, probe.params).items()
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
    if best := _best(probes):
        values = _format(active_values(view.harness, best.params))
        lines.append(f"the best of {len(probes)} probes so far scored {decimal(best.score.score)} with {values}")
    return ". ".join(lines)


def _choose(view: View, probes: Sequence[t.ProbeFinished]) -> Proposal | NoProposal:
    """The best probe that no generation has executed; none if all are clearly below the incumbent.

    The fold is small, so probes within one standard error of the best count as equal: the gate decides. Among them, the
    structure that was executed least comes first, then the higher score.
    """
    tried = [*(past.params for past in view.past if past.weights == view.weights), *view.declined]
    executed = {_key(view.harness, params) for params in tried}
    structures = Counter(_structure(view.harness, params) for params in tried)
    here = _find_probe(view.harness, view.harness.params, probes)
    fresh = [probe for probe in probes if _key(view.harness, probe.params) not in executed and _eligible(probe)]
    top = _best(fresh)
    if top is None:
        refused = " and passed the private check" if any(probe.refused for probe in probes) else ""
        return NoProposal(f"no new proposal ran without a failure{refused}")
    if here is not None and not here.refused and top.score.score < here.score.score - here.score.se:
        return NoProposal(
            f"no new proposal came near the incumbent's {decimal(here.score.score)} ± {decimal(here.score.se)} "
            "on the probe fold "
            f"(the best of {len(fresh)} new ones scored {decimal(top.score.score)})"
        )
    near = [probe for probe in fresh if probe.score.score >= top.score.score - top.score.se]
    best = min(near, key=lambda probe: (structures[_structure(view.harness, probe.params)], -probe.score.score))
    harness = view.harness.with_params(best.params)
    changed = _difference(view.harness.params, active_values(view.harness, best.params))
    base = f", the incumbent {decimal(here.score.score)}" if here else ""
    reason = (
        f"{changed}. On {best.fold} this scored {decimal(best.score.score)} ± {decimal(best.score.se)}{base}; "
        f"of {len(probes)} probes so far the best not yet executed scored {decimal(top.score.score)} ({best.why})."
    )
    return Proposal(harness, reason, changed)


def _round(view: View, probes: Sequence[t.ProbeFinished], asked: int, tpe: Tpe) -> list[ProbeRequest]:
    """The next proposals, without duplicates."""
    harness, left = view.harness, view.settings.probes - asked
    known = {_key(harness, probe.params) for probe in probes}
    proposals: list[tuple[Params, str]] = []
    if _key(harness, harness.params) not in known:
        proposals.append((dict(harness.params), "the incumbent, to compare with"))
    proposals += [
        (dict(harness.params) | change, f"structural choice {_format(change)}")
        for change in _untried_choices(harness, probes)
    ]
    if not proposals:
        leaders = [probe for probe in _leaders(harness, probes) if _degrees(harness, probe.params)]
        for place in range(ROUND):
            seed = derive(view.settings.seed, "search", view.generation, view.attempt, asked + place)
            if place < ROUND - 1 and leaders:
                leader = leaders[place % len(leaders)]
                rank = place % len(leaders)
                of = f"structure number {rank + 1} by score" if rank else "the best probe"
                proposals.append((_vary(harness, leader.params, random.Random(seed)), f"variation of {of}"))
            else:
                proposals.append((tpe.draw(harness, probes, seed), "drawn by TPE"))
    requests: list[ProbeRequest] = []
    for params, why in proposals:
        key = _key(harness, params)
        if key not in known and len(requests) < left:
            known.add(key)
            requests.append(ProbeRequest(asked + len(requests), params, why))
    return requests


def _untried_choices(harness: Harness, probes: Iterable[t.ProbeFinished]) -> list[Params]:
    tried = {(name, value) for probe in probes for name, value in probe.params.items()}
    tried |= set(harness.params.items())
    return [
        {name: choice}
        for name, tunable in harness.active(harness.params).items()
        if tunable.structural
        for choice in tunable.choices
        if (name, choice) not in tried
    ]


def _vary(harness: Harness, params: Mapping[str, Value], draw: random.Random) -> Params:
    """`params` with one or two of the active values changed, numbers by about a fifth of their range."""
    varied = dict(harness.params) | dict(params)
    active = _degrees(harness, varied)
    for name in draw.sample(active, min(len(active), draw.choice((1, 1, 2)))):
        varied[name] = _step(harness.manifest.tunables[name], varied[name], draw)
    return varied


def _degrees(harness: Harness, params: Mapping[str, Value]) -> list[str]:
    """The active tunables that are not structural."""
    active = harness.active({**harness.params, **params})
    return [name for name, tunable in active.items() if not tunable.structural]


def _step(tunable: Tunable, value: Value, draw: random.Random) -> Value:
    if tunable.type == "choice":
        others = [choice for choice in tunable.choices if choice != value]
        return draw.choice(others) if others else value
    low, high = float(tunable.low), float(tunable.high)
    if tunable.log:
        moved = float(value) * (high / low) ** draw.gauss(0, 0.2)
    else:
        moved = float(value) + (high - low) * draw.gauss(0, 0.2)
    moved = min(high, max(low, moved))
    if tunable.type == "float":
        return float(f"{moved:.4g}") if low <= float(f"{moved:.4g}") <= high else moved
    whole = round(moved)
    if whole == value:
        whole += 1 if draw.random() < 0.5 else -1
    return int(min(high, max(low, whole)))


def _eligible(probe: t.ProbeFinished) -> bool:
    """Whether the probe may become a candidate: it ran, and passed the private check."""
    return not probe.failure and not probe.refused


def _best(probes: Iterable[t.ProbeFinished]) -> t.ProbeFinished | None:
    """The eligible probe with the highest score; the earliest of equals."""
    return max(filter(_eligible, probes), key=lambda probe: probe.score.score, default=None)


def _leaders(harness: Harness, probes: Iterable[t.ProbeFinished]) -> list[t.ProbeFinished]:
    """The best probe of each structure, best first, so that a round varies several structures."""
    by_structure: dict[tuple[Value, ...], list[t.ProbeFinished]] = {}
    for probe in probes:
        by_structure.setdefault(_structure(harness, probe.params), []).append(probe)
    found = [best for group in by_structure.values() if (best := _best(group)) is not None]
    return sorted(found, key=lambda probe: -probe.score.score)


def _structure(harness: Harness, params: Mapping[str, Value]) -> tuple[Value, ...]:
    """The values of the active structural tunables."""
    merged = dict(harness.params) | dict(params)
    return tuple(merged[name] for name, tunable in harness.active(merged).items() if tunable.structural)


def _find_probe(
    harness: Harness, params: Mapping[str, Value], probes: Iterable[t.ProbeFinished]
) -> t.ProbeFinished | None:
    key = _key(harness, params)
    return next((probe for probe in probes if _key(harness, probe.params) == key), None)


def _key(harness: Harness, params: Mapping[str, Value]) -> bytes:
    """Equal for proposals that differ only in inactive values."""
    return msgspec.json.encode(dict(sorted(active_values(harness, params).items())))


def _difference(old: Mapping[str, Value], new: Mapping[str, Value]) -> str:
    return (
        ", ".join(f"{name} {old.get(name)} → {value}" for name, value in new.items() if old.get(name) != value)
        or "nothing"
    )


def _format(params: Mapping[str, Value]) -> str:
    return ", ".join(f"{name} = {value}" for name, value in params.items())
