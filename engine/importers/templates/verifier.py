"""Runs the task's own evaluator on an answer, in a separate process, and returns its measurements.

Each run gets a fresh copy of the task, which the evaluator may change. The files of the answer are written beside it;
their names come from the candidate and are checked. Where the program is kept apart, it is only read here: its
functions run in another sandbox, which this one reaches through the engine.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path, PurePosixPath
from typing import Any

from plain_values import dumps, loads
from stand_in import receive, send

HERE = Path(__file__).parent
COPIED_UP_TO = 1 << 20


def solve(instance: Any, ctx: Any) -> Any:
    """The result of `judge.py`: metrics by name, and correctness where the format has it."""
    task, answer = Path("task").absolute(), Path("answer").absolute()
    lay_out(Path(ctx.folders["given"]), task)
    answer.mkdir()
    for name, content in instance.data["answer"]["files"].items():
        place = PurePosixPath(name)
        if place.is_absolute() or ".." in place.parts or not place.parts:
            raise ValueError(f"the answer has a file {name!r}, which is no plain relative path")
        (answer / place).parent.mkdir(parents=True, exist_ok=True)
        (answer / place).write_bytes(content)
    out = Path("measured.json").absolute()
    job = {"task": str(task), "answer": str(answer), "out": str(out), "seed": ctx.rng.getrandbits(32)}
    job |= json.loads((HERE / "task.json").read_text())
    command = [sys.executable, "-P", str(HERE / "judge.py"), json.dumps(job)]
    packages = ctx.folders.get("packages", "")
    # an evaluator that starts Python itself needs the same packages
    environment = {**os.environ, "PYTHONPATH": packages, "MPLBACKEND": "Agg"}
    quiet = job["private"]  # the output of an evaluator that has the answers could contain them
    apart = bool(instance.data.get("apart"))
    ours, theirs = socket.socketpair()
    if apart:
        command[-1] = json.dumps(job | {"line": theirs.fileno()})
    with tempfile.TemporaryFile("w+", errors="replace") as errors, ours:
        with theirs:
            done = subprocess.Popen(
                command,
                cwd=task,
                env=environment,
                stdout=subprocess.DEVNULL if quiet else None,
                stderr=errors,
                pass_fds=[theirs.fileno()] if apart else [],
            )
        if apart:
            serve(ours, ctx)
        done.wait()
        errors.seek(0)
        stderr = errors.read()
    if not quiet:
        print(stderr, end="")
    if done.returncode == -signal.SIGXCPU:
        raise RuntimeError("the evaluator used up its CPU time")
    if not out.exists():
        said = (stderr.strip().splitlines() or [f"the evaluator ended with exit status {done.returncode}"])[-1]
        raise RuntimeError(said.split(":")[0] if quiet and not said.startswith("ModuleNotFoundError") else said)
    found = json.loads(out.read_text())
    if "refused" in found:
        raise RuntimeError(found["refused"])
    return found


def serve(line: socket.socket, ctx: Any) -> None:
    """Passes the evaluator's requests on to the program's sandbox, until the evaluator ends."""
    while (text := receive(line)) is not None:
        request = loads(text)
        try:
            told = {"frame": ctx.tools.call("ask", frame=request["frame"])}
        except Exception as error:  # the engine's refusal: the program's sandbox has ended
            told = {"refused": str(error)}
        try:
            send(line, dumps({"number": request["number"], **told}))
        except OSError:
            return


def lay_out(source: Path, target: Path) -> None:
    """A writable copy; large files are linked instead."""
    for path in [source, *sorted(source.rglob("*"))]:
        place = target / path.relative_to(source)
        if path.is_dir():
            place.mkdir()
        elif path.stat().st_size > COPIED_UP_TO:
            place.symlink_to(path)
        else:
            shutil.copyfile(path, place)
