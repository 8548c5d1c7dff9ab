"""The folder in which a client works: laid from an errand, and read when the client has ended, or tries.

What is read back was written by a program that nobody has reviewed: no link is followed, and no more is read than a
harness may have.
"""

from __future__ import annotations

import itertools
import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from engine import keys
from engine.agents.coding.decision import FILE, MOST_BYTES, NOTES
from engine.agents.protocol import Errand, Left
from engine.events import types as t
from engine.events.storage import blobs
from engine.steps.workbench.desk_folder import lay
from harness_repo.harness import MAX_BYTES

HARNESS = "harness"
_MOST_FILES, _MOST_ENTRIES, _MOST_LEVELS = 1000, 10_000, 32
_MOST_NOTES = 1 << 16
_SHOWN = 5


class BenchFolder:
    """The folder `path` with the files of one errand in it."""

    def __init__(self, path: Path, errand: Errand) -> None:
        self.path = path
        given = {name: content() for name, content in errand.tree.items()}
        self.given = {name: blobs.digest(content) for name, content in given.items()}
        self._sizes = {name: len(content) for name, content in given.items()}
        mine = {f"{HARNESS}/{name}": content for name, content in errand.files.items()}
        mine[NOTES] = errand.notes.encode("utf-8", "replace")
        mine |= {FILE: errand.decision} if errand.decision else {}
        everything = given | mine
        lay({name: (lambda content=content: content) for name, content in everything.items()}, path)  # type: ignore[misc]
        (path / HARNESS).mkdir(exist_ok=True)

    def left(self, failure: t.Failure | None) -> Left:
        """What lies there now, with keys of the user, which a client knows, replaced by their names."""
        notes = _read(self.path, NOTES, _MOST_NOTES).decode("utf-8", "replace")
        decision = _redacted(_read(self.path, FILE, MOST_BYTES + 1))
        return Left(self.harness(), decision, keys.redact(notes), failure)

    def harness(self) -> dict[str, bytes]:
        """The files of the harness, without links, byte code and hidden files; a little more than it may have."""
        found: dict[str, bytes] = {}
        size = 0
        for entry in self._entries():
            if entry.left_out:
                continue
            content = _redacted(_read(entry.folder, entry.name, MAX_BYTES + 1))
            size += len(content)
            found[entry.path] = content
            if size > MAX_BYTES or len(found) > _MOST_FILES:
                break
        return dict(sorted(found.items()))

    def said(self) -> list[str]:
        """What a person should know of it: what of the harness is left out, and changes of what was only to be read."""
        out: dict[str, list[str]] = {}
        for entry in self._entries():
            if entry.left_out:
                out.setdefault(entry.left_out, []).append(f"{HARNESS}/{entry.path}".removesuffix("/."))
        said = [f"{_some(paths)} in its folder: {why} are left out" for why, paths in out.items()]
        changed = [name for name, digest in self.given.items() if self._digest(name) != digest]
        return [*said, f"it has changed {_some(changed)}, which was ignored"] if changed else said

    def _digest(self, name: str) -> str:
        """The digest of what was given under that name, as far as it is as long as it was."""
        return blobs.digest(_read(self.path, name, self._sizes[name] + 1))

    def _entries(self) -> Iterator[_Entry]:
        """What lies in the harness, bounded; no folder is entered through a link."""
        try:
            top = os.open(self.path / HARNESS, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except OSError:  # it was removed, or is a link now
            if (self.path / HARNESS).is_symlink():
                yield _Entry(".", 0, ".", _LINKS)
            return
        try:
            yield from itertools.islice(_walked(top), _MOST_ENTRIES)
        finally:
            os.close(top)


class _Entry(NamedTuple):
    """A regular file by its name in an open folder; `left_out` says what kind of thing it is where it is not taken."""

    name: str
    folder: int
    path: str
    left_out: str = ""


_LINKS, _NO_TEXT, _TOO_DEEP = "links", "names that are not UTF-8", f"folders below {_MOST_LEVELS} others"


def _walked(top: int) -> Iterator[_Entry]:
    for place, folders, names, descriptor in os.fwalk(".", dir_fd=top):
        links = [one for one in folders if stat.S_ISLNK(_mode(one, descriptor))]
        folders[:] = sorted(one for one in folders if one not in links and one[0] != "." and one != "__pycache__")
        if place.count("/") >= _MOST_LEVELS and folders:
            yield _Entry("", descriptor, _printable(os.path.normpath(place)), _TOO_DEEP)
            folders.clear()
        for name in sorted((*names, *links)):
            path, mode = os.path.normpath(f"{place}/{name}"), _mode(name, descriptor)
            if stat.S_ISLNK(mode):
                yield _Entry(name, descriptor, _printable(path), _LINKS)
            elif path != _printable(path) and stat.S_ISREG(mode):
                yield _Entry(name, descriptor, _printable(path), _NO_TEXT)
            elif name[0] != "." and stat.S_ISREG(mode):
                yield _Entry(name, descriptor, path)


def _mode(name: str, folder: int) -> int:
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
    except OSError:
        return 0


def _printable(path: str) -> str:
    return path.encode("utf-8", "replace").decode()


def _redacted(content: bytes) -> bytes:
    return keys.redact(content.decode("latin-1")).encode("latin-1")  # each byte is a letter of it, also of no text


def _some(paths: Sequence[str]) -> str:
    more = f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else ""
    return ", ".join(sorted(paths)[:_SHOWN]) + more


def _read(folder: Path | int, name: str, most: int) -> bytes:
    """At most so many bytes of a regular file; none of anything else."""
    above = folder if isinstance(folder, int) else os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=above)
    except OSError:
        return b""
    finally:
        if above is not folder:
            os.close(above)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return b""
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return file.read(most)
    finally:
        os.close(descriptor)
