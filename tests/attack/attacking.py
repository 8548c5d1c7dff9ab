"""Runs an attack: a harness in a few lines, over a few instances."""

from __future__ import annotations

import asyncio
import textwrap
from collections.abc import Callable, Sequence
from typing import Any

from domains.contract import Instance, Limits
from engine.sandbox import Isolation, Job, NoBroker, Outcome, Program, run_harness

LIMITS = Limits(
    cpu_s=2,
    wall_s=8,
    prepare_cpu_s=4,
    prepare_wall_s=8,
    memory_mb=192,
    disk_mb=4,
    processes=12,
    output_kb=16,
    answer_kb=64,
)
Attack = Callable[..., dict[str, Outcome]]
Bare = Callable[[str, Any], Outcome]


def run(
    source: str,
    data: Sequence[Any],
    isolation: Isolation,
    *,
    limits: Limits = LIMITS,
    workers: int = 2,
    single: bool = False,
    train: Sequence[Instance] = (Instance("t", "seen", "label"),),
) -> dict[str, Outcome]:
    """The outcomes by key; the key of a job is its place in `data`."""
    program = Program(
        {"agent.py": textwrap.dedent(source).encode()},
        "agent.py",
        train=list(train),
        limits=limits,
        isolation="instance" if single else "execution",
    )
    jobs = [Job(str(number), str(number), item, number) for number, item in enumerate(data)]

    async def collect() -> dict[str, Outcome]:
        outcomes = run_harness(program, jobs, workers=workers, broker=NoBroker(), isolation=isolation)
        return {outcome.key: outcome async for outcome in outcomes}

    return asyncio.run(collect())
