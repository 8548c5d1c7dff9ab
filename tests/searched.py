"""A workspace to search: two runs whose instances raised alike, and a fork of the first."""

from __future__ import annotations

import contextlib
from pathlib import Path

import msgspec

from engine.events import types as t
from engine.events.log import RunLog
from engine.events.reader import Reader
from engine.events.storage import blobs
from tests.histories import Play, settings, started

RAISED = 33
TRACEBACK = (
    b"started\nTraceback (most recent call last):\n  File 'agent.py', line 2\nIndexError: list index out of range\n"
)


def searched(workspace: Path) -> Path:
    """Run `a` with 33 instances that raised, `b` with two that left the same log, and `a-fork`, from the end of `a`."""
    result = t.InstanceFinished("h", "val", "", 9, 1, "p", 0.0, f"sha256:{'0' * 64}", log=blobs.digest(TRACEBACK))
    for name, raised in (("a", RAISED), ("b", 2)):
        with contextlib.closing(RunLog.hold(workspace, name)) as log:
            first = msgspec.structs.replace(started(settings(generations=1)), name=name)
            Play(log, first).to_rest()  # type: ignore[arg-type]
            results = [msgspec.structs.replace(result, instance=f"case-{i}") for i in range(raised)]
            log.append([(1, one) for one in results], contents=[TRACEBACK])
    with contextlib.closing(Reader.open(workspace / "events.db")) as reader:
        (*_, last) = reader.history("a")
    with contextlib.closing(RunLog.hold(workspace, "f")) as log:
        log.fork_from(last)
        log.append([(1, t.RunForked("a-fork", "a", last.n)), (1, t.RunNoted("no Traceback here"))])
    return workspace
