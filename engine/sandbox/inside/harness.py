"""Loads and seeds a harness and describes its failures. Checkouts get a copy of this file.

Standard library, `context` and `command` only.
"""

from __future__ import annotations

import errno
import importlib.util
import os
import random
import sys
import tempfile
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from .command import Command
from .context import INSTALLED, Context, Instance, Refused

MESSAGE_CHARS = 300
_OUT_OF = {errno.ENOSPC, errno.EDQUOT, errno.ENOMEM, errno.EAGAIN, errno.EFBIG, errno.EMFILE}
Solve = Callable[[Instance, Context], Any]


def prepare(
    folder: str, entry: str, ctx: Context, command: Sequence[str] = (), answer: str = "text"
) -> tuple[Solve, Any]:
    """Imports the harness and runs its `prepare`, if it has one. Returns its `solve` and what `prepare` returned.

    With a `command` the harness is a program, and `entry` does not matter: see `Command`.
    """
    if INSTALLED in ctx.folders:
        sys.path.insert(0, ctx.folders[INSTALLED])
    if command:
        program = Command(folder, command, answer)
        return program.solve, program.prepare(ctx)
    sys.path.insert(0, folder)
    path = Path(folder, entry)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{entry} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    solve: Solve = module.solve
    return solve, module.prepare(ctx) if hasattr(module, "prepare") else None


def enter(scratch: Path, seed: int) -> None:
    """Makes `scratch` the current, home and temporary folder, and seeds the global generators."""
    os.chdir(scratch)
    os.environ.update(HOME=str(scratch), TMPDIR=str(scratch))
    tempfile.tempdir = None
    seed_all(seed)


def seed_all(seed: int) -> None:
    """Seeds the global random generators of Python and, if it is imported, NumPy."""
    random.seed(seed)
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed(seed % (1 << 32))


def plain(value: Any) -> Any:
    """NumPy scalars and arrays as Python values; raises `TypeError` for what is neither."""
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"a value of type {type(value).__name__} is no plain data")


def describe_failure(error: BaseException, folder: str) -> tuple[str, str]:
    """The kind and the message of what a harness raised, SystemExit included. Prints the traceback.

    The traceback begins at the first frame of the harness in `folder`.
    """
    step = error.__traceback__
    while step and not step.tb_frame.f_code.co_filename.startswith(folder):
        step = step.tb_next
    traceback.print_exception(type(error), error, step)
    lines = traceback.format_exception_only(error)  # of a SyntaxError its place first, and any notes at the end
    said = next((one for one in lines if not one.startswith(" ")), lines[-1])
    return _kind(error), said.strip()


def _kind(error: BaseException) -> str:
    if isinstance(error, Refused):
        return "model"
    exhausted = (
        isinstance(error, MemoryError)
        or (isinstance(error, OSError) and error.errno in _OUT_OF)
        or (isinstance(error, RuntimeError) and "can't start new thread" in str(error))
    )
    return "resource" if exhausted else "candidate"


def one_line(text: str) -> str:
    """Untrusted text as one printable line of at most `MESSAGE_CHARS` characters."""
    line = "".join(char if char.isprintable() else " " for char in text[: 4 * MESSAGE_CHARS])
    line = " ".join(line.split())
    return line if len(line) <= MESSAGE_CHARS else line[: MESSAGE_CHARS - 1] + "…"
