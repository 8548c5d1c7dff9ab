"""Temporary folders for programs that nobody has reviewed: they are removed whatever such a program leaves in them."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path


def temporary_folder(purpose: str) -> Path:
    """A new folder that only this user reaches; removes those for the same purpose of killed engines."""
    for stale in Path(tempfile.gettempdir()).glob(f"sia-{purpose}-*"):
        pid = stale.name.split("-")[2]
        if pid.isdigit() and not Path("/proc", pid).exists():
            remove(stale)
    return Path(tempfile.mkdtemp(prefix=f"sia-{purpose}-{os.getpid()}-"))


def remove(folder: Path) -> None:
    """Removes the folder as far as that is possible.

    `shutil.rmtree` calls itself for each folder in a folder and keeps a descriptor open for each; `rm` does neither.
    """
    with contextlib.suppress(RecursionError):
        shutil.rmtree(folder, ignore_errors=True)
    if folder.exists():
        with contextlib.suppress(OSError):
            subprocess.run(
                ["rm", "-rf", "--", str(folder)], stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, check=False
            )
