"""What `show` tells of a run, as data: the same for the terminal, the app and `--json`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from engine.events import blobs
from engine.events import types as t
from engine.events.event import Event
from engine.events.reader import Reader
from engine.loop import budget
from engine.loop.answers import unpack
from engine.loop.decide import standing
from engine.loop.state import Generation, State, evolve


def show(state: State, status: str) -> dict[str, Any]:
    """The shape that `sia show --json` promises (docs/json.md)."""
    return {
        "run": state.run,
        "name": state.name,
        "domain": state.task.name,
        "metric": state.task.metric,
        "status": status,
        "reason": standing(state),
        "notes": list(state.notes),
        "parent": state.parent,
        "seed": state.set.seed,
        "lever": state.set.lever,
        "agent": state.set.agent,
        "isolation": state.isolation.get("level"),
        "baselines": _scores(state.baseline.scores) if state.baseline else None,
        "generations": [_generation(one) for one in state.generations],
        "best": _best(state),
        "awaiting": state.asked,
        "in_doubt": state.open_step.kind if state.open_step and status != "running" else None,
        "budget": {name: {"spent": now, "cap": cap} for name, (now, cap) in budget.used(state).items()},
        "cost": msgspec.to_builtins(state.spent),
        "unsealed": state.unsealed,
        "test": test_report(state.tested) if state.tested else None,
        "head": {"n": state.n, "hash": state.hash},
    }


def _generation(one: Generation) -> dict[str, Any]:
    return {
        "n": one.n,
        "lever": one.candidate.lever,
        "harness": one.candidate.harness,
        "weights": one.candidate.weights,
        "val": _val(one),
        "train": _plain(one.execution.scores["train"]) if one.execution and "train" in one.execution.scores else None,
        "accepted": one.verdict.accepted if one.verdict else None,
        "reason": one.verdict.reason if one.verdict else None,
        "failures": one.execution.failures if one.execution else {},
    }


def _val(one: Generation) -> dict[str, Any] | None:
    score = one.execution.scores.get("val") if one.execution else None
    return None if score is None else {**_plain(score), "honest": None, "honest_floor": None}


def _plain(score: t.Score) -> dict[str, Any]:
    return {"score": score.score, "se": score.se, "n": score.n}


def _scores(scores: dict[str, t.Score]) -> list[dict[str, Any]]:
    return [{"name": name, **_plain(score)} for name, score in scores.items()]


def _best(state: State) -> dict[str, Any] | None:
    if state.incumbent is None:
        return None
    one = state.of(state.incumbent)
    return {
        "generation": one.n,
        "harness": one.candidate.harness,
        "weights": one.candidate.weights,
        "val": _val(one),
    }


def test_report(test: t.TestUnsealed) -> dict[str, Any]:
    """The shape that `sia test --json` promises."""
    return {
        **_plain(test.score),
        "macro": test.macro,
        "subsets": [msgspec.to_builtins(subset) for subset in test.subsets],
        "baselines": _scores(test.baselines),
        "failures": test.failures,
        "unsealed_before": test.unsealed_before,
    }


def costs(history: Iterable[Event]) -> dict[str, Any]:
    """What a run has spent on Executions, probes, baselines and tests, and what an accepted gain has cost."""
    by: dict[str, dict[str, Any]] = {}
    state = State()

    def spend(on: str, *, evaluations: int = 0, reused: int = 0, cpu_s: float = 0.0, wall_s: float = 0.0) -> None:
        row = by.setdefault(on, {"on": on, "evaluations": 0, "reused": 0, "cpu_s": 0.0, "wall_s": 0.0})
        row["evaluations"] += evaluations
        row["reused"] += reused
        row["cpu_s"] += cpu_s
        row["wall_s"] += wall_s

    for event in history:
        match payload := event.payload:
            case t.InstanceFinished(reused=reused, cpu_s=cpu_s):
                spend("executions", evaluations=int(not reused), reused=int(reused), cpu_s=0.0 if reused else cpu_s)
            case t.HarnessPrepared(cpu_s=cpu_s):
                spend("executions", cpu_s=cpu_s)
            case t.ExecutionFinished(wall_s=wall_s):
                spend("executions", wall_s=wall_s)
            case t.ProbeFinished():
                spend("probes", evaluations=payload.evaluations, cpu_s=payload.cpu_s, wall_s=payload.wall_s)
            case t.TestUnsealed(score=score):
                spend("sealed tests", evaluations=score.n)
            case t.BaselineMeasured(wall_s=wall_s):
                spend("baselines", wall_s=wall_s)
            case _:
                pass
        state = evolve(state, event)
    accepted = [one.verdict.difference for one in state.generations if one.verdict and one.verdict.accepted]
    gain = sum(accepted)
    total = sum(row["evaluations"] + row["reused"] for row in by.values())
    return {
        "run": state.run,
        "by": list(by.values()),
        "gain": gain,
        "per_accepted_point": total / (gain * 100) if gain > 0 else None,
        "seconds": state.spent.seconds,
        "usd": state.spent.usd,
    }


def trajectory(reader: Reader, run: str, instance: str) -> list[dict[str, Any]]:
    """All that a run's candidates did on `instance`, generation by generation; empty where it was never executed."""
    return [
        {
            "n": event.n,
            "generation": event.generation,
            "split": result.split,
            "repeat": result.repeat,
            "harness": result.harness,
            "answer": unpack(result.answer, reader.blob),
            "score": result.score,
            "detail": result.detail,
            "failure": msgspec.to_builtins(result.failure),
            "cpu_s": result.cpu_s,
            "wall_s": result.wall_s,
            "reused": result.reused,
            "log": _log(reader, result.log),
        }
        for event in reader.results_of(run, instance)
        if isinstance(result := event.payload, t.InstanceFinished)
    ]


def _log(reader: Reader, name: str) -> str:
    try:
        return reader.blob(name).decode("utf-8", "replace") if name else ""
    except blobs.LeftOut:
        return "(left out when this run was exported)"
