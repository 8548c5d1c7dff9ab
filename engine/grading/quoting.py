"""What may be reported of an exception in a domain's code, whose message can hold a label."""

from __future__ import annotations

import re
import signal
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engine.grading.returned import WrongReturn

BEFORE_ANY_RUN = ("describe", "examine", "fingerprints", "near_duplicates", "draws", "network_attempts", "tools")

STACK_SIGNAL = signal.SIGUSR1
"""On it the grading process prints where each of its threads is, most recent call first, by `faulthandler`."""
_FRAME = re.compile(r' *File "(.+)", line (\d+) in (.+)')


def may_be_quoted(operation: str, arguments: Sequence[Any]) -> bool:
    """Whether the message of an exception, or what the domain printed last, may leave the grading process.

    It may for `train`, whose labels are known, and for operations before any run; not for `val` and `test`.
    """
    return operation in BEFORE_ANY_RUN or tuple(arguments[:1]) == ("train",)


def describe(error: BaseException, folder: Path, *, quoted: bool) -> str:
    """The type of an exception with its message, or else with the place in the domain where it was raised."""
    name = type(error).__name__
    if isinstance(error, WrongReturn):
        return str(error)
    if quoted:
        return f"{name}: {error}".encode("utf-8", "replace").decode()
    inside = [at for at in traceback.extract_tb(error.__traceback__) if Path(at.filename).is_relative_to(folder)]
    if not inside:
        return name
    return f"{name} at {Path(inside[-1].filename).relative_to(folder)}:{inside[-1].lineno} in {inside[-1].name}"


def place(stack: Sequence[str], folder: Path) -> str:
    """Where the main thread is, in the domain if it is there, by what `faulthandler` printed; empty if it did not."""
    begins = next((n for n, line in enumerate(stack) if line.startswith("Current thread")), len(stack))
    frames = [found.groups() for line in stack[begins:] if (found := _FRAME.fullmatch(line))]
    inside = [frame for frame in frames if Path(frame[0]).is_relative_to(folder)]
    for file, line, name in inside[:1] or frames[:1]:
        return f"{Path(file).relative_to(folder) if inside else Path(file).name}:{line} in {name}"
    return ""
