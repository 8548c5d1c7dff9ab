"""The user's cache, shared by all workspaces: `$SIA_CACHE`, or the system's cache folder.

Entries are complete (`domains.atomic`), and only one process at a time creates an entry.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import filelock
import platformdirs

from domains import atomic
from domains.contract import Report


def folder(*parts: str) -> Path:
    """A folder of the cache; it need not exist."""
    root = os.environ.get("SIA_CACHE")
    return (Path(root).expanduser() if root else platformdirs.user_cache_path("sia")).joinpath(*parts)


def once(
    target: Path,
    make: Callable[[Path], object],
    *,
    whole: Callable[[Path], bool] = Path.exists,
    report: Report = lambda _: None,
) -> Path:
    """Returns `target`, a file or folder. If it is not there `whole`, `make` first creates it under another path.

    `target` never has an unfinished result of `make`, even if this process is killed. If two processes want the same
    target, the second waits and uses the result of the first. Raises what `make` raises, and `OSError`.
    """
    if whole(target):
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with exclusive(target, report):
        if not whole(target):
            scratch = target.with_name(f".{target.name}.new")
            if scratch.exists():  # left by a killed process
                shutil.rmtree(scratch)
            scratch.mkdir()
            try:
                make(fresh := scratch / target.name)
                atomic.move(fresh, target)
            finally:
                shutil.rmtree(scratch, ignore_errors=True)
    return target


@contextlib.contextmanager
def exclusive(target: Path, report: Report) -> Iterator[None]:
    """Admits one process at a time, with a lock file beside `target`; a second one reports that it waits.

    The kernel releases the lock when its holder dies. The lock file stays: if it were removed, two could hold the lock.
    """
    lock = filelock.FileLock(target.with_name(f".{target.name}.lock"), poll_interval=0.2)
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        report(f"another process is working on {target}: waiting for it")
        lock.acquire(timeout=-1)
    try:
        yield
    finally:
        lock.release()
