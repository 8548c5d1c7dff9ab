"""A peer: a program of `benchmarks/arena/peers` in an environment of its own, asked and told by lines of JSON."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.arena.cell import Meter
from benchmarks.arena.method import Method, Play
from benchmarks.arena.task import Task

PEERS = Path(__file__).parents[1] / "peers"
CALM = {"PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}


class PeerFailed(Exception):
    """A peer ended, or said what is no proposal; the message has the last line of its errors."""


def method(name: str, script: str, pins: Sequence[str]) -> Method:
    """The peer whose program is `script`."""

    def bind(python: Path | None) -> Play:
        return functools.partial(_play, python or Path(sys.executable), PEERS / script)

    sources = [PEERS / script, PEERS / "line_protocol.py", Path(__file__)]
    return Method(name, ("values",), bind, pins, sources)


def _play(python: Path, script: Path, task: Task, seed: int, meter: Meter) -> None:
    start = meter.start
    told = {
        "space": {name: msgspec.to_builtins(tunable) for name, tunable in task.space.items()},
        "start": start.candidate,
        "score": start.score,
        "seed": seed,
        "budget": meter.left + meter.evaluations,
    }
    with tempfile.TemporaryDirectory() as scratch, (Path(scratch) / "errors").open("w+b") as errors:
        peer = subprocess.Popen(
            [str(python), str(script)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            cwd=scratch,
            env={**os.environ, **CALM},
        )
        try:
            _say(peer, told)
            while True:
                _say(peer, {"score": meter({**start.candidate, **_hear(peer)})})
        except (BrokenPipeError, EOFError, ValueError):
            peer.kill()
            errors.seek(0)
            lines = errors.read().decode(errors="replace").strip().splitlines() or ["it ended without a word"]
            raise PeerFailed(lines[-1]) from None
        finally:
            peer.kill()
            peer.communicate()


def _say(peer: subprocess.Popen[str], what: Mapping[str, Any]) -> None:
    print(json.dumps(what), file=peer.stdin, flush=True)


def _hear(peer: subprocess.Popen[str]) -> dict[str, Any]:
    line = peer.stdout.readline() if peer.stdout else ""
    if not line:
        raise EOFError
    return dict(json.loads(line)["ask"])
