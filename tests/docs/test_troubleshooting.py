"""docs/troubleshooting.md: every sentence with which sia refuses stands there, `…` for what varies."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from engine.errors import SiaError
from tests.docs.commandline import DOCS, ROOT

PAGE = DOCS / "troubleshooting.md"


def sentences() -> Iterator[str]:
    """The messages of all errors that a person may see, as they stand in the code."""
    errors = {SiaError.__name__, *(kind.__name__ for kind in SiaError.__subclasses__())}
    for package in ("engine", "sia_tui", "harness_repo"):
        for path in sorted((ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in errors:
                    message = node.args[0]
                    if isinstance(message, ast.Constant):
                        yield str(message.value)
                    elif isinstance(message, ast.JoinedStr):
                        yield "".join(part.value if isinstance(part, ast.Constant) else "…" for part in message.values)


def test_every_error_is_explained() -> None:
    page = PAGE.read_text()
    assert sorted({sentence for sentence in sentences() if f"| {sentence} |" not in page}) == []


def test_no_error_is_explained_that_cannot_occur() -> None:
    known = set(sentences())
    assert len(known) > 40
    explained = [line.split(" | ")[0].removeprefix("| ") for line in PAGE.read_text().splitlines() if line[:2] == "| "]
    assert [sentence for sentence in explained if sentence not in known and sentence not in ("sia says", "---")] == []
