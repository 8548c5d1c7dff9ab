"""What the model gateway adds to a call of `ctx.model`, measured by a harness in a sandbox.

    python benchmarks/gateway_overhead.py [--calls 50] [--blocks 6]

Prints one JSON object. Times are in milliseconds for a call after another, of a model that replies at once: through
`ctx.model`, by plain HTTP over one connection, and through Anthropic's SDK, most of whose time is its own. Blocks of
each take turns; a figure is the median of all calls. `overhead` is the difference of the medians of plain HTTP and
`ctx.model`, and `ratio` their quotient. The load is the mean number of processes that wanted a processor in the last
minute.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
from typing import Any

from domains.contract import Limits
from engine.sandbox import Job, Program, probe, run_harness

REPLY = {"text": "theft", "finish": "stop", "calls": [], "usage": {"input": 400, "output": 3}}
PROMPT = "Name the charge. " * 100
HARNESS = """
import http.client, json, os, time
from urllib.parse import urlsplit

import anthropic

def prepare(ctx):
    return anthropic.Anthropic()

def solve(instance, ctx):
    prompt, calls = instance.data
    asked = {"model": "m", "messages": [{"role": "user", "content": prompt}]}
    link = http.client.HTTPConnection(urlsplit(os.environ["ANTHROPIC_BASE_URL"]).netloc)

    def plain():
        link.request("POST", "/v1/chat/completions", json.dumps(asked))
        return json.loads(link.getresponse().read())

    ways = {
        "ctx.model": lambda: ctx.model.chat([prompt]),
        "plain HTTP": plain,
        "SDK": lambda: ctx.prepared.messages.create(**asked, max_tokens=9),
    }
    found = {}
    for name, call in ways.items():
        call()  # the first one of a way connects
        found[name] = []
        for _ in range(calls):
            began = time.perf_counter()
            call()
            found[name].append(1e3 * (time.perf_counter() - began))
    return found
"""


class Instant:
    """A broker that replies at once."""

    async def call(self, job_key: str | None, op: str, payload: Any, ordinal: int) -> Any:
        return REPLY


async def measure(calls: int, blocks: int) -> dict[str, Any]:
    """The medians, and what follows from them."""
    limits = Limits(cpu_s=600, wall_s=600, memory_mb=2048)
    program = Program({"agent.py": HARNESS.encode()}, "agent.py", limits=limits, gateway=True)
    jobs = [Job(f"block{number}", "one", [PROMPT, calls], 0) for number in range(blocks)]
    times: dict[str, list[float]] = {}
    async for outcome in run_harness(program, jobs, workers=1, broker=Instant(), isolation=probe()):
        if outcome.failure:
            raise SystemExit(outcome.failure.message)
        for name, found in outcome.answer.items():
            times.setdefault(name, []).extend(found)
    medians = {name: statistics.median(found) for name, found in times.items()}
    direct, plain = medians["ctx.model"], medians["plain HTTP"]
    return {
        "median, ms": {name: round(median, 3) for name, median in medians.items()},
        "p95, ms": {name: round(sorted(found)[int(0.95 * len(found))], 3) for name, found in times.items()},
        "overhead, ms": round(plain - direct, 3),
        "ratio": round(plain / direct, 2),
        "calls": calls * blocks,
        "load": os.getloadavg()[0],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=50)
    parser.add_argument("--blocks", type=int, default=6)
    chosen = parser.parse_args()
    print(json.dumps(asyncio.run(measure(chosen.calls, chosen.blocks)), indent=2))


if __name__ == "__main__":
    main()
