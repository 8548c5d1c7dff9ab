"""A run's domain as it was when the run began: for whoever works with a run without going on with it."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from engine.errors import SiaError
from engine.events import types as t
from engine.grading.client import Grader
from engine.grading.loader import find
from engine.loop.launch import describe
from engine.sandbox import Isolation, probe


@contextlib.asynccontextmanager
async def same_domain(task: t.DomainRef, report: Callable[[str], None]) -> AsyncIterator[Grader]:
    """The grading process of `task`; raises `SiaError` where its code or data is no longer what it was."""
    folder = find(task.source)
    data = Path(task.data) if task.data else None
    digest, _ = await describe(folder, data, report)
    if digest != task.digest:
        raise SiaError(
            f"the domain {task.name} is not what it was when this run began (its code or its data changed)",
            "put it back, or start a new run",
        )
    grader = Grader(folder, data)
    try:
        yield grader
    finally:
        await grader.close()


def contained(*, unsafe: bool) -> Isolation:
    """The isolation to run harnesses in; raises `SiaError` where there is none and `unsafe` does not permit that."""
    isolation = Isolation.unsafe() if unsafe else probe()
    if isolation.level == "none" and not unsafe:
        raise SiaError("no sandbox can be built here", "see `sia doctor`, or accept the risk with --unsafe-no-sandbox")
    return isolation
