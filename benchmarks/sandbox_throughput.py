"""What the sandbox costs: its start, and a `solve` that does nothing, after a small and a large `prepare`.

    python benchmarks/sandbox_throughput.py [--jobs 500]

Prints one JSON object. `large` holds 1 GB of NumPy memory when its children fork.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from typing import Any

from domains.contract import Limits
from engine.sandbox import Isolation, Job, NoBroker, Program, open_sandbox, probe, run_harness

SMALL = b"def solve(instance, ctx):\n    return 0\n"
LARGE = b"import numpy as np\ndef prepare(ctx):\n    return np.ones((1 << 30) // 8)\n" + SMALL
LIMITS = Limits(memory_mb=2048)


async def measure(source: bytes, isolation: Isolation, workers: int, count: int) -> dict[str, float]:
    """Milliseconds until prepared, milliseconds a job, and jobs a second."""
    program = Program({"agent.py": source}, "agent.py", limits=LIMITS)
    jobs = [Job(str(number), str(number), None, number) for number in range(count)]
    began = time.perf_counter()
    async with open_sandbox(program, workers=workers, broker=NoBroker(), isolation=isolation) as session:
        prepared = time.perf_counter()
        failed = [outcome.failure async for outcome in session.solve(jobs) if outcome.failure]
        spent = time.perf_counter() - prepared
    if failed:
        raise SystemExit(str(failed[0]))
    return {
        "start_ms": round((prepared - began) * 1e3, 1),
        "job_ms": round(spent / count * 1e3, 2),
        "jobs_per_s": round(count / spent, 1),
    }


async def measure_single(isolation: Isolation, count: int) -> float:
    """Milliseconds a job with a sandbox of its own."""
    program = Program({"agent.py": SMALL}, "agent.py", isolation="instance")
    jobs = [Job(str(number), str(number), None, number) for number in range(count)]
    began = time.perf_counter()
    async for _ in run_harness(program, jobs, workers=1, broker=NoBroker(), isolation=isolation):
        pass
    return round((time.perf_counter() - began) / count * 1e3, 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=500)
    count = parser.parse_args().jobs
    isolation = probe()
    report: dict[str, Any] = {"isolation": isolation.summary()}
    for name, source in {"small": SMALL, "large": LARGE}.items():
        for workers in (1, 2):
            report[f"{name}, {workers} workers"] = asyncio.run(measure(source, isolation, workers, count))
    report["unsafe, 1 workers"] = asyncio.run(measure(SMALL, Isolation.unsafe(), 1, count))
    report["sandbox for each job, ms"] = asyncio.run(measure_single(isolation, 20))
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
