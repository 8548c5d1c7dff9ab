"""Running a program: its entry function is called in a process of its own, which has a limit of time.

The process is forked from a server that has imported numpy and scikit-learn, so that a score takes milliseconds. It is
no sandbox: a program that a real model writes runs with the rights of whoever plays the arena.
"""

from __future__ import annotations

import contextlib
import io
import math
import multiprocessing
import random
import resource
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

ENTRY = "answer"
"""The function that every program defines."""
LIMIT_S = 20
_WAIT = 10
"""So many times the limit of CPU time may pass on the clock: on a busy machine the same programs must fail."""
_MEMORY = 4 * 2**30
_IMPORTED = ["scipy.optimize", "sklearn.datasets", "sklearn.ensemble", "sklearn.pipeline", "sklearn.svm"]
_CONTEXT = multiprocessing.get_context("forkserver")
Entry = Callable[..., Any]
Score = Callable[[Entry], float]
"""Scores what the entry function returns; importable, since it is called in the other process."""


def judged(text: str, score: Score, failed: float = 0.0, limit_s: int = LIMIT_S) -> tuple[float, str]:
    """The score of the program, and an empty text, or `failed` and why."""
    _CONTEXT.set_forkserver_preload([__name__, score.__module__, *_IMPORTED])
    here, there = _CONTEXT.Pipe(duplex=False)
    process = _CONTEXT.Process(target=_run, args=(text, score, there, limit_s), daemon=True)
    process.start()
    there.close()
    try:
        if not here.poll(_WAIT * limit_s):
            return failed, f"it ran longer than {_WAIT * limit_s} seconds"
        found, why = here.recv()
    except EOFError:
        return failed, f"its process ended without an answer; it may compute for {limit_s} seconds"
    finally:
        process.kill()
        process.join()
        here.close()
    return (failed, why) if why else (found, "")


def _run(text: str, score: Score, there: Connection, limit_s: int) -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (limit_s, limit_s + 1))
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            random.seed(0)
            np.random.seed(0)
            names: dict[str, Any] = {"__name__": "program"}
            exec(compile(text, "program.py", "exec"), names)  # noqa: S102 - this is what the process is for
            found = float(score(names[ENTRY]))
        if not math.isfinite(found):
            raise ValueError(f"the score is {found}")
        there.send((found, ""))
    except BaseException as error:  # a program may raise what it likes
        there.send((0.0, f"{type(error).__name__}: {error}"[:500]))
