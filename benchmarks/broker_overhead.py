"""What the broker adds to a call of a model: looking it up, reserving, and keeping the reply on the disk.

    python benchmarks/broker_overhead.py [--calls 300]

Prints one JSON object, times in milliseconds a call: of the backend alone, through the broker, and answered from the
log. The backend replies at once, so the difference is the broker's.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

from engine.core.decide import RULES
from engine.evaluation.model_broker import TaskBroker
from engine.events import types as t
from engine.events.log import RunLog
from engine.models.calling import PricedModel
from engine.models.protocol import Abilities, Message, OnText, Reply, Request, ScoreReply
from engine.run.live_run import Ports, Run
from engine.usage import Usage

PROMPT = "Name the charge. " * 100
REPLY = Reply("theft", "stop", Usage(input=400, output=3))


class Instant:
    """A backend that replies at once."""

    weights = "instant"
    abilities = Abilities()

    async def chat(self, request: Request, on_text: OnText | None = None) -> Reply:
        return REPLY

    async def score(self, prompt: str, continuations: Sequence[str], *, adapter: str | None = None) -> ScoreReply:
        return ScoreReply([], Usage())

    async def close(self) -> None:
        pass


def started() -> list[tuple[int, t.Payload]]:
    """The first events of a run that executes its first candidate."""
    settings = t.Settings(generations=1, seed=1, agent="search", gate=t.Gate(), model="instant")
    domain = t.DomainRef("bench", "bench", "d" * 64, "A benchmark", "accuracy", {"train": 1, "val": 1, "test": 1})
    return [(0, t.RunStarted(RULES, "bench-1", domain, settings)), (1, t.StepStarted("execute", 1))]


async def measured(count: int, call: Callable[[int], Awaitable[Any]]) -> dict[str, float]:
    """Median and 95th percentile of `count` calls one after the other."""
    times = []
    for number in range(count):
        began = time.perf_counter()
        await call(number)
        times.append((time.perf_counter() - began) * 1e3)
    return {"median": round(statistics.median(times), 3), "p95": round(sorted(times)[int(count * 0.95)], 3)}


async def measure(folder: Path, count: int) -> dict[str, Any]:
    """The three ways of one call."""
    model = Instant()
    request = Request("instant", [Message("user", PROMPT)])
    with contextlib.closing(RunLog.hold(folder, "r1")) as log:
        log.append(started())
        no_effects: Any = None
        served = PricedModel(model, lambda usage: 0.0)
        run = Run(log, Ports(no_effects, no_effects, no_effects, no_effects, workers=1, task_model=served))
        run.catch_up()
        broker = TaskBroker(run.callers.task, run.state.root_seed, "commit")

        async def through(number: int) -> None:
            await broker.call(f"val/{number}/0", "model.chat", {"messages": [PROMPT]}, 0)

        return {
            "backend alone, ms": await measured(count, lambda number: model.chat(request)),
            "through the broker, ms": await measured(count, through),
            "answered from the log, ms": await measured(count, through),
            "calls": count,
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=300)
    count = parser.parse_args().calls
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(asyncio.run(measure(Path(folder), count)), indent=2))


if __name__ == "__main__":
    main()
