"""One round on several devices: a process for each, which accelerate joins; this process keeps the policy.

    policy, optimizer, samples -> a folder -> N processes, rank 0 writes what was learnt -> policy, optimizer

The processes die with this one, and a failure of one ends the others.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from engine.weights.learner import Report
from engine.weights.recipe import Recipe
from engine.weights.sample import Sample

JOB, LEARNT, STATE, TALLY = "job.json", "learnt", "learner.pt", "tally.json"


class Job(msgspec.Struct, frozen=True):
    """A round: `checkpoint` is the base model, `groups` are the samples to learn from, by index."""

    checkpoint: str
    recipe: Recipe
    seed: int
    number: int
    samples: Sequence[Sample]
    groups: Sequence[list[int]]
    advantages: Sequence[float]
    is_large: bool


def run(folder: Path, count: int, report: Report) -> None:
    """Runs `count` processes on the job in `folder`; `report` gets what rank 0 reports. Raises `RuntimeError`."""
    errors = [folder / f"errors-{rank}" for rank in range(count)]
    started: list[subprocess.Popen[bytes]] = []
    environment = {**os.environ, "WORLD_SIZE": str(count), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(_free_port())}
    try:
        for rank, said in enumerate(errors):
            with said.open("wb") as file:
                started.append(
                    subprocess.Popen(
                        [sys.executable, "-P", "-m", "engine.weights.trl.worker", str(folder)],
                        env={**environment, "RANK": str(rank), "LOCAL_RANK": str(rank)},
                        stdin=subprocess.DEVNULL,
                        stdout=subprocess.PIPE if rank == 0 else subprocess.DEVNULL,
                        stderr=file,
                    )
                )
        told = threading.Thread(target=_tell, args=(started[0].stdout, report), daemon=True)
        told.start()
        while None in (ended := [process.poll() for process in started]) or any(ended):
            if failed := [rank for rank, status in enumerate(ended) if status]:
                raise RuntimeError(f"the process of device {failed[0]} failed ({_last(errors[failed[0]])})")
            time.sleep(0.05)
        told.join()
    finally:
        for process in started:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            process.wait()


def _tell(lines: Any, report: Report) -> None:
    for line in lines:
        report(json.loads(line))


def _last(errors: Path) -> str:
    return (errors.read_text(errors="replace").strip().splitlines() or ["no message"])[-1]


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
