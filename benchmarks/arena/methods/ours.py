"""The search agent of the product, asked as the engine asks it: by its `find`, with a view and a lab.

The task's space is the manifest of a harness. A run goes generation by generation, as in the product: an Improvement of
at most as many probes as a run has by default, then a gate, which without noise accepts what scores better than the
incumbent. What the gate would execute is not counted; each probe is one evaluation.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
import tomli_w
from msgspec.structs import replace

from benchmarks.arena.cell import BudgetSpent, Meter
from benchmarks.arena.method import Method, Play
from benchmarks.arena.task import Space, Task
from engine.agents import search
from engine.agents.protocol import PastGeneration, ProbeRequest, Proposal, View
from engine.events import types as t
from harness_repo.harness import Harness, dump_params, parse
from harness_repo.tunable import Value

_IDLE = 20
"""So many Improvements without a probe show that the agent has nothing left to try."""


def harness(space: Space, params: Mapping[str, Value]) -> Harness:
    """A harness that declares `space`, with these values."""
    manifest = {"name": "arena", "tunables": msgspec.to_builtins(dict(space))}
    agent = b"def solve(instance, ctx):\n    return 0\n"
    return parse(
        {"harness.toml": tomli_w.dumps(manifest).encode(), "params.toml": dump_params(params), "agent.py": agent}
    )


class _Lab:
    """Scores proposals by the meter; gives fewer results where the budget ends. `Lab` of the engine."""

    def __init__(self, meter: Meter, known: list[t.ProbeFinished]) -> None:
        self._meter, self._known = meter, known

    async def probe(self, requests: Sequence[ProbeRequest]) -> list[t.ProbeFinished]:
        found = [
            finished(dict(one.params), self._meter(dict(one.params)), one.ordinal, one.why)
            for one in requests[: self._meter.left]
        ]
        self._known += found
        return found

    async def scores(self, probe: t.ProbeFinished) -> Mapping[str, float]:
        return {}  # a task gives one score


def finished(params: dict[str, Value], score: float, ordinal: int, why: str) -> t.ProbeFinished:
    """A probe that ran, on a fold without noise."""
    return t.ProbeFinished(1, 0, ordinal, why, params, "the task", t.Score(score, 0.0, 1), 1, 0.0, 0.0, "")


def play(task: Task, seed: int, meter: Meter) -> None:
    """Improvements until the budget is spent, or nothing is left to try."""
    start = meter.start.candidate
    settings = t.Settings(generations=1, seed=seed, agent="search", gate=t.Gate())
    first = harness(task.space, start)
    known = [finished(start, meter.start.score, 0, "the incumbent, to compare with")]
    past = [_judged(1, first, accepted=True)]
    view = View(1, 0, 0, settings, 1, first, past, [], list(known), [], [])
    agent, lab, best, idle = search.SearchAgent(), _Lab(meter, known), meter.start.score, 0
    while meter.left and idle < _IDLE:
        before = meter.evaluations
        made = asyncio.run(agent.find(view, lab))
        idle = idle + 1 if meter.evaluations == before else 0
        view = replace(view, improvements=view.improvements + 1, probes=list(known))
        if isinstance(made, Proposal):
            score = max(probe.score.score for probe in known if probe.params == made.harness.params)
            accepted, best = score > best, max(score, best)
            past = [*past, _judged(len(past) + 1, made.harness, accepted=accepted)]
            view = replace(
                view,
                generation=len(past),
                attempt=0,
                past=past,
                harness=made.harness if accepted else view.harness,
                incumbent=len(past) if accepted else view.incumbent,
            )
        else:
            view = replace(view, attempt=view.attempt + 1)
    if not meter.left:
        raise BudgetSpent


def _judged(n: int, of: Harness, *, accepted: bool) -> PastGeneration:
    return PastGeneration(n, "", of.params, None, "", accepted=accepted, verdict="")


def _bind(python: Path | None) -> Play:
    return play


_SOURCES = [Path(search.__file__), *sorted((Path(search.__file__).parent / "portfolio").glob("*.py")), Path(__file__)]
METHOD = Method("ours", ("values",), _bind, sources=_SOURCES)
