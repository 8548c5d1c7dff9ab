"""The engine's side of training: a client of the training process, which holds the model and dies with its engine.

The engine does not import torch; if the process is killed or runs out of memory, only one step of the loop fails.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec

from engine import pipes
from engine.errors import SiaError
from engine.models.backends.local import threads as processors
from engine.models.protocol import Reply, Request
from engine.weights.recipe import Recipe
from engine.weights.sample import Sample
from engine.weights.trl import choice

Report = Callable[[dict[str, float]], None]
_ENVIRONMENT = {
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TRL_EXPERIMENTAL_SILENCE": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "CUBLAS_WORKSPACE_CONFIG": ":4096:8",  # repeatable on a GPU
    "OMP_WAIT_POLICY": "PASSIVE",  # spinning threads burn four times the CPU on a busy machine
}


class TrainerFailed(Exception):
    """Training failed: kind `resource` if memory ran out, else `infrastructure`. The message is one sentence."""

    def __init__(self, message: str, kind: Literal["infrastructure", "resource"] = "infrastructure") -> None:
        super().__init__(message)
        self.kind = kind


class Trainer:
    """A policy in training. Calls run one at a time, in order; a cancelled call ends the process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.facts: dict[str, Any] = {}
        self._process = process
        self._turn = asyncio.Lock()
        self._stderr: deque[str] = deque(maxlen=20)
        self._listening = asyncio.create_task(self._listen())

    async def generate(self, requests: Sequence[Request]) -> list[Reply]:
        """A reply of the current policy to each request, in order, with prompt and sampled tokens.

        The requests form one batch. Under the same policy the same requests get the same replies, in any order; in
        another batch a reply's log-probabilities may differ in the last digits. Raises `SiaError` for a request that
        the model cannot take, and `TrainerFailed`.
        """
        return msgspec.convert(await self._call("generate", list(requests)), list[Reply])

    async def learn(self, round: int, samples: Sequence[Sample], report: Report) -> dict[str, float]:
        """Learns from the samples of `round` (from 1), made by the current policy; returns the round's measures.

        `report` is called with progress, at most once a second.
        """
        return dict(await self._call("learn", round, list(samples), report=report))

    async def policy(self) -> str:
        """The SHA-256 of the adapter's current tensors."""
        return str(await self._call("policy"))

    async def save(self, folder: Path) -> None:
        """Writes a checkpoint (adapter, optimizer, count of rounds) to `folder`, atomically."""
        await self._call("save", str(folder))

    async def export(self, adapters: Path, lineage: Mapping[str, Any]) -> str:
        """Writes the adapter into `adapters` under its id, with `lineage` in its manifest; returns the id."""
        return str(await self._call("export", str(adapters), dict(lineage)))

    async def close(self) -> None:
        """Kills the process."""
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
        await self._process.wait()
        await self._listening

    async def _call(self, operation: str, *arguments: Any, report: Report = lambda _: None) -> Any:
        process = self._process
        assert process.stdin and process.stdout  # noqa: S101 - both are pipes
        async with self._turn:
            try:
                process.stdin.write(pipes.pack((operation, arguments)))
                await process.stdin.drain()
                while "report" in (reply := await pipes.receive(process.stdout)):
                    report(reply["report"])
            except (OSError, asyncio.IncompleteReadError):
                raise await self._death_error(operation) from None
            except asyncio.CancelledError:
                await self.close()  # a late reply would be taken for that of the next call
                raise
        if "refused" in reply:
            raise SiaError(*reply["refused"])
        if "failed" in reply:
            raise TrainerFailed(*reply["failed"])
        return reply["ok"]

    async def _death_error(self, operation: str) -> TrainerFailed:
        status = await self._process.wait()
        await self._listening
        if status == -signal.SIGKILL:  # only the kernel's OOM killer sends it
            return TrainerFailed(
                f"the training process was killed at {operation!r}, probably out of memory", "resource"
            )
        last = f" ({self._stderr[-1]})" if self._stderr else ""
        return TrainerFailed(f"the training process died at {operation!r}{last}")

    async def _listen(self) -> None:
        assert self._process.stderr  # noqa: S101 - a pipe
        async for line in pipes.lines(self._process.stderr):
            if line:
                self._stderr.append(line)


@contextlib.asynccontextmanager
async def open_trainer(
    checkpoint: Path,
    recipe: Recipe,
    seed: int,
    *,
    start: Path | None = None,
    state: Path | None = None,
    threads: int | None = None,
    trainer: choice.Setting = "auto",
) -> AsyncIterator[Trainer]:
    """A trainer of a LoRA adapter for the model in the folder `checkpoint`, while the context lasts.

    It starts with a new adapter, with the one in the folder `start` (PEFT's format), or resumes from `state`, which
    `save` wrote with the same recipe and seed, whoever learnt. `trainer` says who learns now. `threads` defaults to
    all processors; equal numbers give equal results on a CPU. Raises `SiaError` if the extra `train` or a folder is
    missing, and `TrainerFailed`.
    """
    count = str(threads or processors())
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "engine.weights.process"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, **_ENVIRONMENT, "OMP_NUM_THREADS": count, "MKL_NUM_THREADS": count},
        start_new_session=True,  # an interrupt at the terminal is the engine's to handle
    )
    opened = Trainer(process)
    try:
        places = [None if place is None else str(place) for place in (checkpoint, start, state)]
        opened.facts = dict(await opened._call("open", places, recipe, seed, int(count), trainer))
        yield opened
    finally:
        await opened.close()
