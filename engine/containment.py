"""Nothing in a workspace leads out of it: what `sia` reads, writes or deletes there has no name elsewhere.

A workspace may come from a stranger. Through a symbolic or hard link in it, a write or a deletion would reach a file
elsewhere; a pipe or a device in the place of a file would stop the reader. A workspace that has one is not opened.
The folder itself may be reached through a link, and entries that are not ours may be anything.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

from domains.atomic import SCRATCH
from engine.errors import SiaError

_OURS = {
    *("events.db", "events.db-wal", "events.db-shm", "events.db-journal", "sia.toml", "identity"),
    *("naming.lock", "calls.lock"),
    *("adapters", "control", "harness_repo", "locks", "tips", "training"),
}
# git writes each under a new name: another name of one does no harm, and there are too many to look at each
_MANY = ("harness_repo/objects/", "harness_repo/refs/tags/")
_ELSEWHERE = "harness_repo/commondir"
"""A file with the path of another repository, whose refs git would then change."""
_CONFIGURATION = ("harness_repo/config", "harness_repo/config.worktree")
_INCLUDES = re.compile(rb"^\s*\[\s*include", re.IGNORECASE | re.MULTILINE)
"""git reads the file that such a section names, which may be a pipe that nobody writes to."""


def check_workspace(folder: Path) -> None:
    """Raises `SiaError` where something of ours in the workspace `folder` is a link, a pipe or a device."""
    for entry in _entries(folder):
        if entry.name in _OURS or entry.name.startswith(SCRATCH):
            _check_tree(entry, folder, entry.name)


def contents(folder: Path) -> set[str]:
    """The names of what is ours in the workspace `folder`."""
    return {entry.name for entry in _entries(folder)} & _OURS


def inside(folder: Path, *names: str) -> Path:
    """The path of `names` below the workspace `folder`; raises `SiaError` where it could lead out of it."""
    path = folder
    for name in names:
        if not name.isprintable() or "/" in name or name in ("", ".", ".."):
            raise SiaError(f"the log names {name[:40]!r}, which is not a file name", "do not trust this workspace")
        path = path / name
        if os.path.lexists(path):
            _check(path, path.lstat(), folder)
    return path


def _check_tree(entry: os.DirEntry[str], folder: Path, within: str) -> None:
    if entry.is_dir(follow_symlinks=False):
        inside_it = list(_entries(entry.path))
        if within.startswith(_MANY) and all(inner.is_file(follow_symlinks=False) for inner in inside_it):
            return  # as nearly always: thousands are a matter of milliseconds
        for inner in inside_it:
            _check_tree(inner, folder, f"{within}/{inner.name}")
    elif not (within.startswith(_MANY) and entry.is_file(follow_symlinks=False)):
        try:
            found = entry.stat(follow_symlinks=False)
        except FileNotFoundError:  # another process removed it
            return
        _check(Path(entry.path), found, folder)


def _check(path: Path, found: os.stat_result, folder: Path) -> None:
    if stat.S_ISLNK(found.st_mode) or path == folder / _ELSEWHERE:
        what = "a link"
    elif stat.S_ISREG(found.st_mode):
        if found.st_nlink > 1 and not _is_new(path, folder):
            what = "a file with another name elsewhere (a hard link)"
        elif path in [folder / name for name in _CONFIGURATION] and _INCLUDES.search(path.read_bytes()):
            what = "a configuration that includes other files"
        else:
            return
    elif stat.S_ISDIR(found.st_mode) or (stat.S_ISSOCK(found.st_mode) and path.parent == folder / "control"):
        return
    else:
        what = "neither a file nor a folder"
    raise SiaError(
        f"{path} is {what}, and nothing in a workspace may lead out of it",
        "put a copy in its place, or choose another folder with --workspace",
    )


def _is_new(path: Path, folder: Path) -> bool:
    """Whether the other name of `path` is ours, too: a file that `domains.atomic` creates has two while it appears."""
    if path.parent != folder:
        return path.parent.parent == folder and path.parent.name.startswith(SCRATCH)
    scratch = (Path(entry.path, path.name) for entry in _entries(folder) if entry.name.startswith(SCRATCH))
    twins = sum(twin.is_file() and twin.samefile(path) for twin in scratch)
    return path.lstat().st_nlink in (1, 1 + twins)


def _entries(folder: str | Path) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            yield from entries
    except (FileNotFoundError, NotADirectoryError):
        return
