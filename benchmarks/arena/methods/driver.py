"""A peer that asks a language model: a driver of `benchmarks/arena/peers` in an environment of its own.

`peers/program_protocol.py` has what it is told and how it ends. It runs its library until the server refuses further
proposals, or until the library has made as many as there are, and exits with status 0.
"""

from __future__ import annotations

import functools
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, cast

from benchmarks.arena.cell import BudgetSpent, Meter
from benchmarks.arena.method import Method, Play
from benchmarks.arena.methods.peer import CALM, PEERS, PeerFailed
from benchmarks.arena.service import Account, Service, model
from benchmarks.arena.task import Task

_SECONDS_A_PROPOSAL, _SECONDS_MORE = 60, 300
_GRACE_S = 120
"""How long a driver may go on after the first refusal: libraries repeat a refused call before they give up."""


def method(name: str, script: str, pins: Sequence[str]) -> Method:
    """The peer whose driver is `script`."""

    def bind(python: Path | None) -> Play:
        return functools.partial(_play, python or Path(sys.executable), PEERS / script)

    return Method(name, ("program",), bind, pins, [PEERS / script, PEERS / "program_protocol.py", Path(__file__)])


def _play(python: Path, script: Path, task: Task, seed: int, meter: Meter) -> None:
    assert isinstance(meter, Account)  # noqa: S101 - a task of programs has one
    with Service(meter, model.replies(task, seed)) as service, _scratch() as folder:
        told = {
            "program": meter.start.candidate,
            "language": "python",
            "task": task.about,
            "base_url": f"{service.url}/v1",
            "score_url": f"{service.url}/score",
            "model": service.model,
            "proposals": meter.left,
            "seed": seed,
            "folder": folder,
        }
        status, last = _run([str(python), str(script)], told, service, meter.left)
    if not service.ended.is_set() and (status or meter.left):
        raise PeerFailed(last if status else f"it ended by itself after {meter.proposals} proposals")
    raise BudgetSpent


def _scratch() -> tempfile.TemporaryDirectory[str]:
    """A folder for the time of a cell; what was killed may have left a file of the last moment."""
    return tempfile.TemporaryDirectory(ignore_cleanup_errors=True)


def _environment() -> dict[str, str]:
    """The user's, without what would send a library elsewhere than to the arena's server."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OPENAI_", "LITELLM_"))}
    return {**kept, **CALM, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}


def _run(command: Sequence[str], told: dict[str, object], service: Service, proposals: int) -> tuple[int, str]:
    """The exit status of the driver and its last words. It is ended when it takes too long."""
    folder = Path(str(told["folder"]))
    deadline = time.monotonic() + _SECONDS_MORE + _SECONDS_A_PROPOSAL * proposals
    with (folder / "errors").open("w+b") as errors:
        with subprocess.Popen(
            command,
            bufsize=0,
            stdin=subprocess.PIPE,  # open for the time of the cell: a driver ends where its input does
            stdout=errors,
            stderr=errors,
            cwd=folder,
            env=_environment(),
            start_new_session=True,
        ) as driver:
            try:
                with suppress(BrokenPipeError):
                    cast("IO[bytes]", driver.stdin).write(json.dumps(told).encode() + b"\n")
                while driver.poll() is None and time.monotonic() < deadline:
                    if service.ended.wait(0.2):
                        deadline = min(deadline, time.monotonic() + _GRACE_S)
                        with suppress(subprocess.TimeoutExpired):
                            driver.wait(max(0.0, deadline - time.monotonic()))
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(driver.pid, signal.SIGKILL)
        errors.seek(0)
        lines = errors.read().decode(errors="replace").strip().splitlines() or ["it ended without a word"]
    return driver.returncode, lines[-1][:300]
