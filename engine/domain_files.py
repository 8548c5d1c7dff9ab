"""The files of a domain's folder, looked at before any code in it is run: it may come from anyone.

Hidden files and byte code do not count: a workspace, a repository or an environment may lie beside the task.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Container, Iterator
from pathlib import Path

from engine.errors import SiaError

MOST_FILES = 10_000
MOST_MB = 512


def check_path(reference: str) -> None:
    """Raises `SiaError` for a path that cannot be shown, or written to a log, unchanged."""
    if not reference.strip():
        raise SiaError("an empty text names no folder", "name one")
    if not reference.isprintable():
        raise SiaError(f"{reference!r} is not a path that can be shown", "rename the folder")


def files(folder: Path) -> list[Path]:
    """The files below `folder` that count, relative and sorted; raises `SiaError` for what no domain should hold.

    That is: links out of the folder, pipes and devices, more files or more data than are read before every run.
    """
    found = sorted(path.relative_to(folder) for path in _walk(folder, folder.resolve()))
    if sum((folder / path).stat().st_size for path in found) > MOST_MB << 20:
        raise SiaError(f"{folder} holds more than {MOST_MB} MB", "keep large data elsewhere, and name it with --data")
    return found


def digest(folder: Path, without: Container[str] = ()) -> str:
    """SHA-256 over the files of `folder`, less those whose first part is in `without`; raises as `files` does."""
    total = hashlib.sha256()
    for path in files(folder):
        if path.parts[0] not in without:
            with (folder / path).open("rb") as content:
                inner = hashlib.file_digest(content, "sha256").digest()
            total.update(path.as_posix().encode() + b"\0" + inner)
    return total.hexdigest()


def _walk(folder: Path, root: Path) -> Iterator[Path]:
    waiting, seen = [folder], 0
    while waiting:
        for entry in os.scandir(waiting.pop()):
            path = Path(entry.path)
            if not counts(path.relative_to(folder)):
                continue
            seen += 1
            if seen > MOST_FILES:
                raise SiaError(f"{folder} holds more than {MOST_FILES} files", "give the task a folder of its own")
            check_path(entry.name)
            if entry.is_symlink() and not path.resolve().is_relative_to(root):
                raise SiaError(
                    f"{path} is a symbolic link out of the domain's folder",
                    "replace it with a copy of what it names, or name data with --data",
                )
            if entry.is_dir(follow_symlinks=False):
                waiting.append(path)
            elif entry.is_file():
                yield path
            elif not path.is_dir():
                raise SiaError(f"{path} is neither a file nor a folder", "remove it from the domain's folder")


def counts(path: Path) -> bool:
    """Whether a path below a domain's folder belongs to the domain."""
    return not any(part.startswith(".") or part == "__pycache__" for part in path.parts)
