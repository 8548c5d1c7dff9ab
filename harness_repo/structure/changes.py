"""All changes of a program, each under a sentence of its own, and the program that one of them makes.

A change is named by its sentence: the same text and sentence give the same program at any time, so that a log need hold
no more of a program than the sentences that lead to it.
"""

from __future__ import annotations

import ast
import functools
import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace

from harness_repo.structure import calls, expressions, statements
from harness_repo.structure.text import Change, Text, applied

MOST_BYTES = 1 << 17
"""A longer program's structure stays as it is."""


class Unknown(Exception):
    """The program has no such change, or it does not parse after it."""


@functools.lru_cache(maxsize=64)
def changes(source: str, *, numbers: bool) -> Mapping[str, Change]:
    """The changes of a program by sentence, in the order of the text; none if it does not parse.

    With `numbers` also those of its numbers and flags.
    """
    if len(source) > MOST_BYTES:
        return {}
    try:
        text = Text(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {}
    nodes = _nodes(text)
    found: list[Change] = []
    for node in nodes:
        found += expressions.changes(text, node, numbers=numbers)
        found += calls.changes(text, node, numbers=numbers)
        found += statements.changes(text, node)
    found += calls.everywhere(text, nodes)
    return {one.why: one for one in _named_apart(one for one in found if _is_change(text, one))}


@functools.lru_cache(maxsize=256)
def changed(source: str, why: str, *, numbers: bool) -> str:
    """The program with the change of that sentence. Raises `Unknown`."""
    change = changes(source, numbers=numbers).get(why)
    if change is None:
        raise Unknown(f"the program has no change {why!r}")
    new = applied(source, change)
    if not meaning(new):
        raise Unknown(f"{why}: the program does not parse after it")
    return new


@functools.lru_cache(maxsize=1024)
def meaning(source: str) -> str:
    """Equal for programs that differ only in layout and comments: a digest of the tree. Empty if it does not parse."""
    try:
        return hashlib.sha256(ast.dump(ast.parse(source)).encode()).hexdigest()[:16]
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ""


def _nodes(text: Text) -> list[ast.AST]:
    """The nodes that are looked at, in the order of the text: none of annotations, decorators and formatted texts."""
    found: list[ast.AST] = []

    def visit(node: ast.AST) -> None:
        if isinstance(node, ast.JoinedStr) or statements.is_main(node):
            return
        found.append(node)
        for name, value in ast.iter_fields(node):
            if name not in ("annotation", "returns", "decorator_list"):
                for child in value if isinstance(value, list) else [value]:
                    if isinstance(child, ast.AST):
                        visit(child)

    visit(text.tree)
    return found


def _is_change(text: Text, one: Change) -> bool:
    """Whether it changes something, and nothing outside the marks."""
    differs = any(text.source[start:end] != new for start, end, new in one.pieces)
    return differs and all(text.are_open(text.line(start), text.line(end)) for start, end, _ in one.pieces)


def _named_apart(found: Iterable[Change]) -> Iterator[Change]:
    """Each change once; those of one sentence are told apart by their column, and else by a number."""
    once = list({one.pieces: one for one in found}.values())
    apart: tuple[Callable[[Change, int], str], ...] = (
        lambda one, n: f"{one.why} (column {one.column + 1})",
        lambda one, n: f"{one.why} ({n})",
    )
    for tell in apart:
        counts = Counter(one.why for one in once)
        seen: Counter[str] = Counter()
        for place, one in enumerate(once):
            if counts[one.why] > 1:
                seen[one.why] += 1
                once[place] = replace(one, why=tell(one, seen[one.why]))
    yield from once
