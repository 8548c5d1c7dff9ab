"""A harness that is any program: the instance in, the answer out, what it prints as its log. Checkouts get a copy.

The program starts anew for each instance, in a copy of the harness's folder that it may write to. It gets the instance
as JSON on standard input and in the file $SIA_INSTANCE: an object with `id` and `data`; bytes are in base64. Instances
to learn from, with their `label`, are lines of the file $SIA_TRAIN, if there are any. The answer is the JSON that it
writes to the file $SIA_ANSWER, else what it prints on standard output.

Standard library and `context` only.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

from .context import INSTALLED, Context, Instance

_PART = 1 << 16
_PATIENCE_S = 0.5  # for the last of what is printed: a process that the program has left may hold its outputs open
_LAST = 1 << 12  # bytes of standard error in which its last line is looked for


class Command:
    """The harness in `folder`, which is started by `words`; `answer` is `text` or `json`, and says what it prints."""

    def __init__(self, folder: str, words: Sequence[str], answer: str) -> None:
        self._folder, self._words, self._answer = folder, list(words), answer

    def prepare(self, ctx: Context) -> bytes:
        """The instances to learn from, as every solve writes them."""
        rows = ({"id": item.id, "data": item.data, "label": item.label} for item in ctx.train())
        return b"".join(_json(row) + b"\n" for row in rows)

    def solve(self, instance: Instance, ctx: Context) -> Any:
        """The program's answer; raises `RuntimeError` where it has none."""
        here = Path.cwd()
        given, learnt, written = here / "instance.json", here / "train.jsonl", here / "answer.json"
        given.write_bytes(_json({"id": instance.id, "data": instance.data}))
        environment = {"SIA_INSTANCE": str(given), "SIA_ANSWER": str(written)}
        if ctx.prepared:
            learnt.write_bytes(ctx.prepared)
            environment["SIA_TRAIN"] = str(learnt)
        environment |= {f"SIA_{name.upper()}": path for name, path in ctx.folders.items()}
        environment |= {"PYTHONPATH": ctx.folders[INSTALLED]} if INSTALLED in ctx.folders else {}
        printed = self._run(_copy(self._folder, here / "work"), given, environment)
        if written.is_file():
            return _parsed(written.read_bytes(), "$SIA_ANSWER")
        if not printed.strip():
            raise RuntimeError("the program ended without an answer: it printed none, and wrote none to $SIA_ANSWER")
        return (
            _parsed(printed, "what it printed") if self._answer == "json" else printed.decode(errors="replace").strip()
        )

    def _run(self, work: Path, given: Path, environment: dict[str, str]) -> bytes:
        """What the program prints on standard output; all that it prints is the log."""
        words = [sys.executable if self._words[0] in ("python", "python3") else self._words[0], *self._words[1:]]
        environment = {**os.environ, **environment}
        with given.open("rb") as standard_input:
            try:
                process = subprocess.Popen(
                    words,
                    cwd=work,
                    env=environment,
                    stdin=standard_input,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                )
            except (FileNotFoundError, PermissionError):
                raise RuntimeError(f"there is no program {self._words[0]} in the sandbox") from None
        assert process.stdout is not None and process.stderr is not None  # noqa: S101 - both are pipes
        printed, said = bytearray(), bytearray()
        logs = [
            threading.Thread(target=_log, args=(process.stdout, 1, printed, None), daemon=True),
            threading.Thread(target=_log, args=(process.stderr, 2, said, _LAST), daemon=True),
        ]
        for log in logs:
            log.start()
        process.wait()
        for log in logs:
            log.join(_PATIENCE_S)
        if (status := process.returncode) != 0:
            last = said.decode(errors="replace").strip().splitlines()
            raise RuntimeError(f"the program ended with {exit_text(status)}" + (f": {last[-1]}" if last else ""))
        return bytes(printed)


def exit_text(status: int) -> str:
    """How a process ended, from its exit code; a negative one is a signal."""
    if status >= 0:
        return f"exit status {status}"
    try:
        return signal.Signals(-status).name
    except ValueError:
        return f"signal {-status}"


def _copy(folder: str, target: Path) -> Path:
    shutil.copytree(folder, target, copy_function=shutil.copyfile)
    for path in target.rglob("*"):
        path.chmod(0o755)  # any of the files may be a program
    return target


def _log(source: IO[bytes], log: int, kept: bytearray, last: int | None) -> None:
    """Copies `source` to the log, and keeps its `last` bytes, or all."""
    descriptor = source.fileno()
    while part := os.read(descriptor, _PART):
        os.write(log, part)
        kept += part
        if last is not None:
            del kept[:-last]


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, default=_plain).encode()


def _plain(value: Any) -> str:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    raise TypeError(f"a value of type {type(value).__name__} is no plain data")


def _parsed(content: bytes, where: str) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise RuntimeError(f"{where} is not JSON: {error}") from None
