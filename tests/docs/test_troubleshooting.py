"""docs/troubleshooting.md: every sentence with which sia refuses stands there, `…` for what varies."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from engine.plain import plural
from tests.docs.commandline import DOCS, ROOT

PAGE = DOCS / "troubleshooting.md"
BASE = "SiaError"


def nodes() -> list[ast.AST]:
    """Everything in the code that may raise an error for a person to see."""
    paths = [path for package in ("engine", "sia_tui", "harness_repo") for path in (ROOT / package).rglob("*.py")]
    return [node for path in paths for node in ast.walk(ast.parse(path.read_text()))]


def sentences() -> Iterator[str]:
    """The messages of all such errors, as they stand in the code."""
    known = nodes()
    kinds = {node.name for node in known if isinstance(node, ast.ClassDef) and BASE in map(_name, node.bases)} | {BASE}
    own = [node for kind in known if isinstance(kind, ast.ClassDef) and kind.name in kinds for node in ast.walk(kind)]
    inits = [node for node in own if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "__init__"]
    for node in [*known, *inits]:
        if isinstance(node, ast.Call) and (node in inits or _name(node.func) in kinds):
            message = node.args[0] if node.args else None
            if isinstance(message, ast.Constant):
                yield str(message.value)
            elif isinstance(message, ast.JoinedStr):
                yield "".join(map(_part, message.values))


def _part(part: ast.expr) -> str:
    """A part of a message; a count keeps its noun."""
    if isinstance(part, ast.Constant):
        return str(part.value)
    counted = part.value if isinstance(part, ast.FormattedValue) else None
    if isinstance(counted, ast.Call) and _name(counted.func) == "plural" and isinstance(counted.args[1], ast.Constant):
        return plural(2, str(counted.args[1].value)).replace("2", "…")
    return "…"


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else ""


def explained() -> list[str]:
    """The sentences in the first column of the page's tables."""
    cells = [line.split(" | ")[0].removeprefix("| ") for line in PAGE.read_text().splitlines() if line[:2] == "| "]
    return [cell for cell in cells if cell not in ("sia says", "---")]


def test_every_error_is_explained() -> None:
    assert set(sentences()) - set(explained()) == set()


def test_no_error_is_explained_that_cannot_occur() -> None:
    assert len(explained()) > 40
    assert set(explained()) - set(sentences()) == set()
