"""relink: where the task of a run lies now, after its folder or its data has moved; the files must be the same."""

from __future__ import annotations

import contextlib
from pathlib import Path

from msgspec.structs import replace

from engine import trust
from engine.core.state import fold
from engine.domain_files import check_path
from engine.errors import SiaError
from engine.events import types as t
from engine.events.log import RunLog
from engine.grading.loader import find
from engine.run.domain_session import Report, describe
from engine.run.named_paths import code_of
from engine.run.workspace import Workspace


async def relink(
    workspace: Workspace, reference: str, report: Report, *, folder: Path | None = None, data: Path | None = None
) -> t.DomainRef:
    """Names the task's `folder`, its `data` or both anew, in the log; returns the domain as it is named now.

    The user has named both, so they are trusted from now on; what the log still names must be trusted already. Raises
    `SiaError` where they are not what the run was started with, and `Held` while an engine works on the run.
    """
    with contextlib.closing(workspace.reader()) as reader:
        row = reader.find(reference)
    with contextlib.closing(RunLog.hold(workspace.path, row.run)) as log:
        was = fold(log.reader.history(log.run)).domain
        now = replace(
            was,
            source=find(str(folder)).source if folder else was.source,
            data=str(data.absolute()) if data else was.data,
        )
        check_path(now.data or ".")
        kept = [] if folder else code_of(replace(was, data=""))
        trust.check(None, kept + ([Path(was.data)] if was.data and not data else []))
        await _check_same(now, report)
        for place in code_of(now):
            trust.remember_named(place)
        if now != was:
            log.append([(row.generation, t.RunRelinked(now.source, now.data))])
    return now


async def _check_same(task: t.DomainRef, report: Report) -> None:
    """Raises `SiaError` unless the code, and then the data and splits, have the digests in the log."""
    folder, remedy = find(task.source), "name the one that the run was started with, unchanged"
    if folder.code_digest() != task.code:
        raise SiaError(f"{task.source} is not the task of this run: its code differs", remedy)
    if (await describe(folder, Path(task.data) if task.data else None, report))[0] != task.digest:
        raise SiaError(f"{task.data or task.source} does not hold the data of this run", remedy)
