"""Whether the files that a harness may read (`given/`) tell the labels of val and test.

A file tells a label if it stands next to what names its instance: to its id, or to a text of its data. The list of the
files' paths counts as a file, too: `cats/001.png` tells what `001.png` shows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from domains.contract import Instance
from engine.grading.labels.near_duplicates import leaves
from engine.seeds import sample

MOST, FEWEST = 60, 5
"""How many instances are looked for, and in how many a label must be told."""
NEARLY_ALL = 0.95
FILE_BYTES, ALL_BYTES = 16 << 20, 64 << 20
"""What is read of a file, and of all together."""
_NEAR = 300
_SHORTEST, _TEXTS = 4, 3


def telling(hidden: Sequence[Instance], folder: Path) -> list[str]:
    """The files in `folder`, by their relative paths, that tell labels of `hidden`; "names of its files" for these."""
    labelled = [item for item in hidden if isinstance(item.label, str | int | float)]
    chosen = set(sample((item.id for item in labelled), MOST, 1, "given files"))
    some = [item for item in labelled if item.id in chosen]
    if len({str(item.label) for item in some}) < 2:
        return []
    return [name for name, text in _texts(folder) if _tells(text, some)]


def _texts(folder: Path) -> Iterator[tuple[str, str]]:
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink()]
    yield "names of its files", "\n".join(path.relative_to(folder).as_posix() for path in paths).casefold()
    room = ALL_BYTES
    for path in paths:
        with path.open("rb") as file:
            content = file.read(min(FILE_BYTES, room))
        room -= len(content)
        yield path.relative_to(folder).as_posix(), content.decode("utf-8", "replace").casefold()


def _tells(text: str, some: Sequence[Instance]) -> bool:
    labels = sorted({_label(item) for item in some}, key=len, reverse=True)
    any_label = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, labels))})(?!\w)")
    told: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for item in some:
        for kind, name in _names(item):
            at = text.find(name)
            if at >= 0:
                before = any_label.findall(text[max(0, at - _NEAR) : at])[-1:]
                after = any_label.findall(text[at + len(name) : at + len(name) + _NEAR])[:1]
                told.setdefault((kind, "before"), []).append((_label(item), *before) if before else (_label(item), ""))
                told.setdefault((kind, "after"), []).append((_label(item), *after) if after else (_label(item), ""))
    return any(map(_is_told, told.values()))


def _is_told(found: Sequence[tuple[str, str]]) -> bool:
    """Whether nearly all of these labels are what stands next to them, and not only because one is frequent."""
    right = [label for label, near in found if near == label]
    enough = len(right) >= max(FEWEST, NEARLY_ALL * len(found))
    return enough and max(map(right.count, right)) < NEARLY_ALL * len(right)


def _names(item: Instance) -> Iterator[tuple[str, str]]:
    """By what a file may name the instance: its id, and the longest texts of its data."""
    texts = sorted((one for one in leaves(item.data) if isinstance(one, str)), key=len, reverse=True)
    for kind, name in (("id", item.id), *(("data", text) for text in texts[:_TEXTS])):
        if len(name) >= _SHORTEST:
            yield kind, name.casefold()


def _label(item: Instance) -> str:
    label: Any = item.label
    return str(label).casefold()
