"""Runs small harnesses and waits for processes to go."""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import textwrap
import time
from collections.abc import Iterable, Sequence
from typing import Any

from domains.contract import Instance, Limits
from engine.sandbox import CallRefused, Isolation, Job, Outcome, Program, run_harness

LIMITS = Limits(cpu_s=5, wall_s=20, prepare_cpu_s=5, prepare_wall_s=20, memory_mb=256, disk_mb=4, processes=8)


class Echo:
    """Answers every call with what it was asked, and keeps a list; refuses what is called `forbidden`."""

    def __init__(self) -> None:
        self.calls: list[tuple[str | None, str, int]] = []

    async def call(self, job_key: str | None, op: str, payload: Any, ordinal: int) -> Any:
        self.calls.append((job_key, op, ordinal))
        if "forbidden" in str(payload):
            raise CallRefused("the budget is spent")
        await asyncio.sleep(0)
        return {"op": op, "payload": payload}


def program(source: str, **options: Any) -> Program:
    train = [Instance("t1", "text", "label"), Instance("t2", "more", "other")]
    settings = {"params": {"k": 3}, "train": train, "seed": 7, "limits": LIMITS, **options}
    return Program({"agent.py": textwrap.dedent(source).encode()}, "agent.py", **settings)


def jobs(data: Iterable[Any]) -> list[Job]:
    return [Job(f"key{number}", f"id{number}", item, number) for number, item in enumerate(data)]


def run(
    source: str, data: Sequence[Any], isolation: Isolation, *, workers: int = 2, broker: Any = None, **options: Any
) -> list[Outcome]:
    """The outcomes in the order of `data`."""

    async def collect() -> list[Outcome]:
        outcomes = run_harness(
            program(source, **options), jobs(data), workers=workers, broker=broker or Echo(), isolation=isolation
        )
        return sorted([outcome async for outcome in outcomes], key=lambda outcome: int(outcome.key[3:]))

    return asyncio.run(collect())


def wait_until_gone(pids: Iterable[int], patience_s: float = 10.0) -> list[int]:
    """The processes that are still there when patience ends."""
    until = time.monotonic() + patience_s
    left = []
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            descriptor = os.pidfd_open(pid)
            if not select.select([descriptor], [], [], max(0.0, until - time.monotonic()))[0]:
                left.append(pid)
            os.close(descriptor)
    return left
