"""Runs commands of `sia` in forks of one process: a command costs no start of Python, and what one has imported is
imported before the next.

Started with the shim; reads a line of JSON for each command, `{"arguments": [...], "output": path}`, and answers with
its exit code, negative for a signal.
"""

from __future__ import annotations

import atexit
import contextlib
import importlib
import json
import os
import sys
import traceback
from collections.abc import Callable, Iterable
from pathlib import Path

from tests.crash.points import inside

LEADER = 24
"""The place of `leader` in the control page."""
_COMMANDS = (
    *(f"runs.{name}" for name in ("run", "resume", "fork", "branch", "approve", "hint")),
    *(f"storage.{name}" for name in ("export", "import_", "rename", "note", "rm", "gc", "verify", "rebuild")),
    "results.test",
)


def _load(names: Iterable[str]) -> None:
    for name in names:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)


def _imported(said: Path) -> list[str]:
    """What a command had imported at its end; nothing for one that was killed."""
    if not said.exists():
        return []
    names = said.read_text().split()
    said.unlink()
    return [name for name in names if name not in sys.modules and name != "__main__"]


def _become(arguments: list[str], output: str, become: Callable[[], None]) -> None:
    os.setsid()
    said = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(said, 1)
    os.dup2(said, 2)
    control = os.open(os.environ["CRASH_CONTROL"], os.O_RDWR)
    os.pwrite(control, os.getpid().to_bytes(8, sys.byteorder), LEADER)
    os.close(control)
    become()
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
    Path(f"{output}.modules").write_text("\n".join(sorted(sys.modules)))
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def serve() -> None:
    """Until standard input ends."""
    _load(("sia_tui.main", *(f"sia_tui.commands.{name}" for name in _COMMANDS)))
    become = (lambda: None) if os.environ["CRASH_REAL"] else inside.keep_inside()
    replies = os.fdopen(os.dup(1), "w")
    for line in sys.stdin:
        request = json.loads(line)
        Path(request["output"]).unlink(missing_ok=True)
        child = os.fork()
        if child == 0:
            _become(request["arguments"], request["output"], become)
        _, status = os.waitpid(child, 0)
        _load(_imported(Path(f"{request['output']}.modules")))
        print(os.waitstatus_to_exitcode(status), file=replies, flush=True)


if __name__ == "__main__":
    serve()
