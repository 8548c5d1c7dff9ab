"""The folder in which a client works: laid from an errand, and read when the client has ended, or tries.

What is read back was written by a program that nobody has reviewed: no link is followed, and no more is read than a
harness may have.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from engine.agents.coding.decision import FILE, MOST_BYTES, NOTES
from engine.agents.protocol import Errand, Left
from engine.events import types as t
from engine.events.storage import blobs
from engine.steps.workbench.desk_folder import lay
from harness_repo.harness import MAX_BYTES

HARNESS = "harness"
_MOST_FILES = 1000
_MOST_NOTES = 1 << 16


class BenchFolder:
    """The folder `path` with the files of one errand in it."""

    def __init__(self, path: Path, errand: Errand) -> None:
        self.path = path
        given = {name: content() for name, content in errand.tree.items()}
        self.given = {name: blobs.digest(content) for name, content in given.items()}
        mine = {f"{HARNESS}/{name}": content for name, content in errand.files.items()}
        mine[NOTES] = errand.notes.encode("utf-8", "replace")
        mine |= {FILE: errand.decision} if errand.decision else {}
        everything = given | mine
        lay({name: (lambda content=content: content) for name, content in everything.items()}, path)  # type: ignore[misc]
        (path / HARNESS).mkdir(exist_ok=True)

    def left(self, failure: t.Failure | None) -> Left:
        """What lies there now."""
        notes = _read(self.path, NOTES, _MOST_NOTES).decode("utf-8", "replace")
        return Left(self.harness(), _read(self.path, FILE, MOST_BYTES + 1), notes, failure)

    def harness(self) -> dict[str, bytes]:
        """The files of the harness, without links, byte code and hidden files; a little more than it may have."""
        found: dict[str, bytes] = {}
        size = 0
        for name, folder, path in self._files():
            content = _read(folder, name, MAX_BYTES + 1)
            size += len(content)
            found[path] = content
            if size > MAX_BYTES or len(found) > _MOST_FILES:
                break
        return dict(sorted(found.items()))

    def said(self) -> list[str]:
        """What a person should know of it: links in the harness, and changes of what was only to be read."""
        links = sorted(
            path.relative_to(self.path).as_posix() for path in (self.path / HARNESS).rglob("*") if path.is_symlink()
        )
        said = [f"{', '.join(links[:5])} in its folder: links are left out"] if links else []
        changed = [name for name, digest in self.given.items() if blobs.digest(self._given(name)) != digest]
        if changed:
            more = f" and {len(changed) - 5} more" if len(changed) > 5 else ""
            said.append(f"it has changed {', '.join(sorted(changed)[:5])}{more}, which was ignored")
        return said

    def _given(self, name: str) -> bytes:
        path = self.path / name
        try:
            return path.read_bytes() if stat.S_ISREG(path.lstat().st_mode) else b""
        except OSError:
            return b""

    def _files(self) -> Iterator[tuple[str, int, str]]:
        """Name, descriptor of the folder, and path of each regular file; no folder is entered through a link."""
        try:
            top = os.open(self.path / HARNESS, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except OSError:  # it was removed, or is a link now
            return
        try:
            for folder, folders, names, descriptor in os.fwalk(".", dir_fd=top):
                folders[:] = sorted(one for one in folders if one[0] != "." and one != "__pycache__")
                for name in sorted(names):
                    found = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
                    if name[0] != "." and stat.S_ISREG(found.st_mode):
                        yield name, descriptor, os.path.normpath(f"{folder}/{name}")
        finally:
            os.close(top)


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
    with os.fdopen(descriptor, "rb") as file:
        return file.read(most) if stat.S_ISREG(os.fstat(descriptor).st_mode) else b""
