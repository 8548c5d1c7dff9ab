"""Runs commands of `sia` in forks of one process that has imported them: a command costs no start of Python.

Started with the shim; reads a line of JSON for each command, `{"arguments": [...], "output": path}`, and answers with
its exit code, negative for a signal.
"""

from __future__ import annotations

import atexit
import importlib
import json
import os
import sys
import traceback
from pathlib import Path

LEADER = 24
"""The place of `leader` in the control page."""
_USED = (
    "sia_tui.main",
    "filelock",
    "gitdb",
    "platformdirs",
    "engine.loop.launch",
    "engine.loop.driver",
    "engine.loop.fork",
    "engine.loop.approval",
    "engine.queries.audit",
    "engine.transfer.annotations",
    "engine.transfer.garbage",
    "engine.transfer.jsonl",
    "engine.transfer.losses",
    "engine.transfer.rebuild",
    "engine.transfer.removal",
    "engine.transfer.run_import",
)
_COMMANDS = (
    *(f"runs.{name}" for name in ("run", "resume", "fork", "branch", "approve", "hint")),
    *(f"storage.{name}" for name in ("export", "import_", "rename", "note", "rm", "gc", "verify", "rebuild")),
    "results.test",
)


def _load() -> None:
    for module in (*_USED, *(f"sia_tui.commands.{name}" for name in _COMMANDS)):
        importlib.import_module(module)


def _become(arguments: list[str], output: str) -> None:
    os.setsid()
    said = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(said, 1)
    os.dup2(said, 2)
    control = os.open(os.environ["CRASH_CONTROL"], os.O_RDWR)
    os.pwrite(control, os.getpid().to_bytes(8, sys.byteorder), LEADER)
    os.close(control)
    from sia_tui.main import main

    code = 0
    sys.argv = ["sia", *arguments]
    try:
        main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
        code = 70
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def serve() -> None:
    """Until standard input ends."""
    _load()
    replies = os.fdopen(os.dup(1), "w")
    for line in sys.stdin:
        request = json.loads(line)
        Path(request["output"]).unlink(missing_ok=True)
        child = os.fork()
        if child == 0:
            _become(request["arguments"], request["output"])
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), file=replies, flush=True)


if __name__ == "__main__":
    serve()
