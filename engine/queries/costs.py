"""The costs of a run: by item, by lever, by generation, for each accepted point, and what they will be at its end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from engine.core.state import State, evolve
from engine.events import types as t
from engine.events.event import Event

POINT = 0.01
_PROJECTED = ("evaluations", "tokens", "usd")
FIRST = "first"
"""Stands for a lever where the first candidate was made and executed."""
_ROLES: dict[t.ModelRole, str] = {
    "meta": "Meta-Agent",
    "feedback": "Feedback-Agent",
    "task": "task model",
    "judge": "judge",
    "talk": "questions to the agent",
}
_NOTHING: dict[str, Any] = {
    "evaluations": 0, "reused": 0, "cpu_s": 0.0, "wall_s": 0.0, "calls": 0, "tokens": 0, "reused_tokens": 0, "usd": 0.0,
    "unpriced": 0, "bound": 0,
}  # fmt: skip


class _Sheet:
    """Sums by name."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[str, Any]] = {}

    def add(self, name: str, spent: dict[str, Any]) -> None:
        row = self.rows.setdefault(name, dict(_NOTHING))
        for key, value in spent.items():
            row[key] += value


def costs(history: Iterable[Event]) -> dict[str, Any]:
    """The shape that `sia cost --json` promises. The costs of an Improvement count for the lever that it pulls."""
    by, levers, generations = _Sheet(), _Sheet(), _Sheet()
    state = State()
    for event in history:
        shared = state.open_step is not None and state.open_step.kind in ("baseline", "test")
        votes = state.current.candidate.votes if state.current else 1
        for name, spent in _costs_of(event.payload, votes):
            by.add(name, spent)
            generations.add(str(event.generation), spent)
            if not (shared or event.payload.is_talk):
                levers.add(_lever(state), spent)
        state = evolve(state, event)
    gains: dict[str, float] = {}
    for one in state.generations:
        if one.verdict and one.verdict.accepted and one.candidate.lever:
            gains[one.candidate.lever] = gains.get(one.candidate.lever, 0.0) + one.verdict.difference
    gain = sum(gains.values())
    total = sum(row["evaluations"] + row["reused"] for row in by.rows.values())
    return {
        "run": state.run,
        "by": [{"on": name, **row} for name, row in by.rows.items()],
        "levers": [
            {"lever": name, **row, **_per_point(row, gains.get(name, 0.0))} for name, row in levers.rows.items()
        ],
        "generations": (rows := [{"n": int(n), **row} for n, row in generations.rows.items()]),
        "projection": projection(state, rows),
        "gain": gain,
        "per_accepted_point": total * POINT / gain if gain > 0 else None,
        "usd_per_accepted_point": state.spent.usd * POINT / gain if gain > 0 else None,
        "seconds": state.spent.seconds,
        "usd": state.spent.usd,
        "unpriced": sum(row["unpriced"] for row in by.rows.values()),
        "bound": sum(row["bound"] for row in by.rows.values()),
    }


def projection(state: State, generations: Sequence[Mapping[str, Any]]) -> dict[str, float] | None:
    """The evaluations, tokens and dollars of the whole run, if each generation that is left costs the mean so far.

    `generations` has what was spent in each, by its `n`. Fresh and reused evaluations are apart: this counts fresh
    ones. `generations` of the reply is how many are planned. None before a generation is finished, and where none is
    left. A generation under way counts what it has spent already, if that is more than the mean.
    """
    planned = 1 if state.settings.lever == "best-of-n" else state.settings.generations
    done = {one.n for one in state.generations if one.finished}
    if not done or len(done) >= planned or state.status in ("finished", "failed"):
        return None
    now = state.generation if state.generation not in done else 0
    left = planned - len(done) - bool(now)
    found: dict[str, float] = {"generations": planned}
    for name in _PROJECTED:
        spent = {int(row["n"]): float(row[name]) for row in generations}
        mean = sum(spent.get(n, 0.0) for n in done) / len(done)
        rest = max(0.0, mean - spent.get(now, 0.0)) if now else 0.0
        found[name] = sum(spent.values()) + rest + left * mean
    return found


def _per_point(row: dict[str, Any], gain: float) -> dict[str, Any]:
    return {"gain": gain, "usd_per_accepted_point": row["usd"] * POINT / gain if gain > 0 else None}


def _lever(state: State) -> str:
    """The lever for which costs count at this state."""
    step, now = state.open_step, state.current
    if now is None or step is None:
        return FIRST
    if step.kind in ("analyse", "improve"):
        return now.analysis.lever if now.analysis else "harness"
    return now.candidate.lever or FIRST


def _costs_of(payload: t.Payload, votes: int) -> list[tuple[str, dict[str, Any]]]:
    match payload:
        case t.InstanceFinished(reused=True):
            return [("executions", {"reused": votes})]
        case t.InstanceFinished(cpu_s=cpu_s):
            return [("executions", {"evaluations": votes, "cpu_s": cpu_s})]
        case t.HarnessPrepared(cpu_s=cpu_s):
            return [("executions", {"cpu_s": cpu_s})]
        case t.ExecutionFinished(wall_s=wall_s):
            return [("executions", {"wall_s": wall_s})]
        case t.ProbeFinished(evaluations=count, cpu_s=cpu_s, wall_s=wall_s, reused=reused):
            return [("probes", {"reused" if reused else "evaluations": count, "cpu_s": cpu_s, "wall_s": wall_s})]
        case t.ToolCalled(evaluations=count, wall_s=wall_s) if count:
            return [("trials", {"evaluations": count, "wall_s": wall_s})]
        case t.ModelCalled(role=role, reused=True, usage=usage) | t.ClientFinished(role=role, reused=True, usage=usage):
            return [(_ROLES[role], {"reused_tokens": usage.total})]
        case t.ModelCalled(role=role, usage=usage) | t.ModelWasted(role=role, usage=usage):
            spent = {"usd": payload.usd, "unpriced": int(payload.unpriced), "wall_s": payload.latency_s}
            spent["bound"] = int(payload.bound)
            return [(_ROLES[role], {"calls": 1, "tokens": usage.total, **spent})]
        case t.ClientFinished(role=role, usage=usage):
            spent = {"usd": payload.usd, "unpriced": int(payload.unmetered), "wall_s": payload.wall_s}
            return [(_ROLES[role], {"calls": 1, "tokens": usage.total, **spent})]
        case t.TrainingProgress(evaluations=count) if count:
            return [("rollouts", {"evaluations": count})]
        case t.TrainingCheckpointed(usage=usage):
            return [("rollouts", {"tokens": usage.total})]
        case t.WeightsTrained(reused=True, evaluations=count):
            return [("rollouts", {"reused": count})]
        case t.WeightsTrained(cpu_s=cpu_s, wall_s=wall_s):
            return [("training", {"cpu_s": cpu_s, "wall_s": wall_s})]
        case t.TestUnsealed(score=score):
            return [("sealed tests", {"evaluations": score.n})]
        case t.BaselineMeasured(wall_s=wall_s):
            return [("baselines", {"wall_s": wall_s})]
        case _:
            return []
