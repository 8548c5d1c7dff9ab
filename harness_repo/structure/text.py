"""A program as text and tree at once: where a node lies, what surrounds it, and what a change of it is."""

from __future__ import annotations

import ast
import bisect
import builtins
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from harness_repo.marks import blocks

Kind = Literal[
    "function", "comparison", "logic", "operator", "operand", "condition", "bounds", "order", "container", "number",
    "sign", "arguments", "wrap", "swap", "drop", "return",
]  # fmt: skip
_SHOWN = 48
"""So many characters of code a sentence shows."""


@dataclass(frozen=True)
class Change:
    """One change: `pieces` are places in the UTF-8 text (start, end) and what stands there instead."""

    kind: Kind
    why: str
    pieces: tuple[tuple[int, int, bytes], ...]
    column: int = 0


class Text:
    """The source, its tree, and the parts of it that may be changed. Raises `SyntaxError`, and as `ast.parse` does."""

    def __init__(self, source: str) -> None:
        self.source = source.encode()
        self.tree = ast.parse(source)
        self._lines = [0]
        for line in self.source.splitlines(keepends=True):
            self._lines.append(self._lines[-1] + len(line))
        self._blocks = blocks(source)
        self.parents = {child: node for node in ast.walk(self.tree) for child in ast.iter_child_nodes(node)}
        self.modules = _modules(self.tree)
        stored = {node.id for node in ast.walk(self.tree) if isinstance(node, ast.Name) and _stores(node)}
        named = {node.name for node in ast.walk(self.tree) if isinstance(node, ast.FunctionDef | ast.ClassDef)}
        self.builtins = set(dir(builtins)) - stored - named - self.modules.keys()

    def span(self, node: ast.AST) -> tuple[int, int]:
        """Where the node begins and ends, in bytes."""
        at = self.place(node.lineno, node.col_offset)  # type: ignore[attr-defined]
        return at, self.place(node.end_lineno, node.end_col_offset)  # type: ignore[attr-defined]

    def place(self, line: int, column: int = 0) -> int:
        """The byte at which that column of a line stands; lines count from 1, and one after the last is the end."""
        return self._lines[min(line, len(self._lines)) - 1] + column

    def line(self, place: int) -> int:
        """The line in which a byte stands."""
        return bisect.bisect_right(self._lines, place)

    def code(self, node: ast.AST) -> bytes:
        """The node as it is written."""
        first, last = self.span(node)
        return self.source[first:last]

    def shown(self, node: ast.AST) -> str:
        """The node as a sentence shows it, on one line."""
        return short(self.code(node).decode())

    def is_open(self, node: ast.AST) -> bool:
        """Whether all of the node lies where the program may be changed."""
        return self.are_open(node.lineno, node.end_lineno)  # type: ignore[attr-defined]

    def are_open(self, first: int, last: int) -> bool:
        """Whether those lines lie within one pair of marks, if there are marks."""
        return self._blocks is None or any(start < first and last < end for start, end in self._blocks)

    def function_of(self, node: ast.AST) -> ast.FunctionDef | None:
        """The innermost function around the node."""
        return next((one for one in self.above(node) if isinstance(one, ast.FunctionDef)), None)

    def above(self, node: ast.AST) -> Iterator[ast.AST]:
        """The nodes around it, the innermost first."""
        while (found := self.parents.get(node)) is not None:
            yield found
            node = found

    def callee(self, node: ast.expr) -> str:
        """The full name of a function that is a builtin or comes from an imported module; else nothing."""
        if isinstance(node, ast.Name):
            return self.modules.get(node.id, node.id if node.id in self.builtins else "")
        if isinstance(node, ast.Attribute) and (above := self.module(node.value)):
            return f"{above}.{node.attr}"
        return ""

    def module(self, node: ast.expr) -> str:
        """The full name of an imported module."""
        if isinstance(node, ast.Name):
            return self.modules.get(node.id, "")
        if isinstance(node, ast.Attribute) and (above := self.module(node.value)):
            return f"{above}.{node.attr}"
        return ""

    def change(self, kind: Kind, node: ast.expr, text: str | bytes, why: str = "") -> Change:
        """Another text in the place of an expression; `why` is what the sentence says instead of both texts."""
        new = text.encode() if isinstance(text, str) else text
        why = why or f"`{self.shown(node)}` becomes `{short(new.decode())}`"
        return Change(kind, f"line {node.lineno}: {why}", ((*self.span(node), new),), node.col_offset)

    def grouped(self, node: ast.expr) -> bytes:
        """The expression as part of another one: in parentheses, unless nothing can come between its parts."""
        code = self.code(node)
        whole = isinstance(node, ast.Name | ast.Call | ast.Attribute | ast.Subscript | ast.Constant | ast.List)
        return code if whole and b"\n" not in code else b"(" + code + b")"


def applied(source: str, change: Change) -> str:
    """The program with the change."""
    text = source.encode()
    for start, end, new in sorted(change.pieces, reverse=True):
        text = text[:start] + new + text[end:]
    return text.decode()


def short(code: str) -> str:
    """Code on one line, cut where it is long."""
    line = " ".join(code.split())
    return line if len(line) <= _SHOWN else f"{line[: _SHOWN - 1]}…"


def _stores(node: ast.Name) -> bool:
    return isinstance(node.ctx, ast.Store | ast.Del)


def _modules(tree: ast.Module) -> dict[str, str]:
    """What imported names stand for."""
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for one in node.names:
                found[one.asname or one.name.partition(".")[0]] = one.name if one.asname else one.name.partition(".")[0]
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            found |= {one.asname or one.name: f"{node.module}.{one.name}" for one in node.names}
    return found
