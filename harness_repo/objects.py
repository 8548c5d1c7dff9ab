"""Git objects as bytes: a commit id is a pure function of what the engine recorded.

Formats: git's object database (`git help format-loose-object`, gitglossary). A version's commit depends on its
tree, its parents, its number, the lever and the reason. Author, time zone and dates are constants, so equal runs have
equal ids on every machine, whatever git's configuration.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

AUTHOR = "sia <sia@localhost>"


class Object(NamedTuple):
    """A git object: `kind` is blob, tree or commit."""

    kind: str
    data: bytes

    @property
    def id(self) -> str:
        """The object's SHA-1 in hexadecimal."""
        return hashlib.sha1(
            b"%s %d\0" % (self.kind.encode(), len(self.data)) + self.data, usedforsecurity=False
        ).hexdigest()


class Version(NamedTuple):
    """The content of a harness version; `number` is the generation that executes it."""

    files: Mapping[str, bytes]
    parents: Sequence[str]
    number: int
    lever: str | None
    author: str
    reason: str


class Written(NamedTuple):
    """The objects of a version; the last is the commit, the one before it the root tree."""

    commit: str
    tree: str
    objects: list[Object]


def build(version: Version) -> Written:
    """All objects of a version."""
    objects: list[Object] = []
    tree = _tree(_nest(version.files), objects)
    lines = [
        f"tree {tree}",
        *(f"parent {parent}" for parent in version.parents),
        f"author {AUTHOR} {version.number} +0000",
        f"committer {AUTHOR} {version.number} +0000",
        "",
        _message(version),
    ]
    commit = Object("commit", "\n".join(lines).encode("utf-8", "replace"))
    objects.append(commit)
    return Written(commit.id, tree, objects)


def _message(version: Version) -> str:
    reason = version.reason.replace("\0", " ")  # which git does not allow in a message
    paragraphs = [line.strip() for line in reason.splitlines() if line.strip()] or ["no reason given"]
    body = "\n\n".join(paragraphs)
    trailers = f"Generation: {version.number}\nLever: {version.lever or 'none'}\nAuthor: {version.author}"
    return f"generation {version.number}: {version.lever or 'first harness'}\n\n{body}\n\n{trailers}\n"


def _nest(files: Mapping[str, bytes]) -> dict[str, Any]:
    root: dict[str, Any] = {}
    for path, content in files.items():
        *folders, name = path.split("/")
        place = root
        for folder in folders:
            place = place.setdefault(folder, {})
        place[name] = content
    return root


def _tree(folder: Mapping[str, Any], objects: list[Object]) -> str:
    rows: list[tuple[bytes, bytes]] = []
    for name, entry in folder.items():
        encoded = name.encode()
        if isinstance(entry, bytes):
            blob = Object("blob", entry)
            objects.append(blob)
            rows.append((encoded, b"100644 " + encoded + b"\0" + bytes.fromhex(blob.id)))
        else:
            # git sorts a folder as if its name ended in a slash
            rows.append((encoded + b"/", b"40000 " + encoded + b"\0" + bytes.fromhex(_tree(entry, objects))))
    tree = Object("tree", b"".join(row for _, row in sorted(rows)))
    objects.append(tree)
    return tree.id
