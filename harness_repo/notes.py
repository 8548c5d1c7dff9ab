"""Notes on commits (`git help notes`) as bytes: a text for each, in a tree of which a new text changes one place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from harness_repo.objects import AUTHOR, Object, Written

FLAT = 256
"""So many notes lie in one tree. More lie in folders by the first two digits of the commit; git reads both."""


class Notes:
    """Their commit is a function of the texts alone, in whatever order these were given."""

    def __init__(self) -> None:
        self._folders: dict[str, dict[str, str]] = {}
        self._trees: dict[str, str] = {}

    def change(self, texts: Mapping[str, str]) -> Written:
        """Gives the commits in `texts` these notes; returns the commit of all notes, and the objects that are new."""
        new: list[Object] = []
        for commit, text in texts.items():
            blob = Object("blob", text.encode("utf-8", "replace"))
            new.append(blob)
            self._folders.setdefault(commit[:2], {})[commit] = blob.id
            self._trees.pop(commit[:2], None)
        if sum(map(len, self._folders.values())) <= FLAT:
            root = _tree("100644", (note for folder in self._folders.values() for note in folder.items()))
        else:
            for name in self._folders.keys() - self._trees.keys():
                tree = _tree("100644", ((commit[2:], blob) for commit, blob in self._folders[name].items()))
                new.append(tree)
                self._trees[name] = tree.id
            root = _tree("40000", self._trees.items())
        signed = f"author {AUTHOR} 0 +0000\ncommitter {AUTHOR} 0 +0000"
        made = Object("commit", f"tree {root.id}\n{signed}\n\nscores of harness versions\n".encode())
        return Written(made.id, root.id, [*new, root, made])


def _tree(mode: str, entries: Iterable[tuple[str, str]]) -> Object:
    rows = sorted((name.encode(), bytes.fromhex(object_id)) for name, object_id in entries)
    return Object("tree", b"".join(mode.encode() + b" " + name + b"\0" + digest for name, digest in rows))
