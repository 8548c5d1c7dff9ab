"""The folders of a user's own state on this machine, which nobody else can write to."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path


def folders(name: str) -> Iterator[Path]:
    """Where records of a kind are kept, the usual place first; where that cannot be written, a private folder."""
    import platformdirs

    yield platformdirs.user_state_path("sia") / name
    yield Path("/var/tmp") / f"sia-{os.geteuid()}" / name  # noqa: S108 - checked by `is_own`


def is_own(folder: Path, *, make: bool = False) -> bool:
    """Whether only this user can write to the folder and its parent; `make` makes both first, and raises `OSError`."""
    for path in (folder.parent, folder):
        if make:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            found = path.lstat()
        except OSError:
            return False
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o022:
            return False
    return True
