"""All SQL stands in `engine.events`: no other package sends a statement to a database."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import engine
import sia_tui

PACKAGES = [Path(module.__file__).parent for module in (engine, sia_tui)]  # type: ignore[arg-type]
HOME = PACKAGES[0] / "events"
SENDS = {"execute", "executemany", "executescript"}
READER = {"rows", "query"}


def calls(path: Path) -> Iterator[str]:
    """The method calls in a file that send a statement: by name, or as a string that begins like SQL."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            name, first = node.func.attr, node.args[0] if node.args else None
            text = first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else ""
            if name in SENDS or (name in READER and text.lstrip().upper().startswith(("SELECT", "PRAGMA"))):
                yield f"{path.name}:{node.lineno} {name}"


def test_no_other_package_sends_sql() -> None:
    files = [path for package in PACKAGES for path in package.rglob("*.py") if not path.is_relative_to(HOME)]
    assert len(files) > 200
    assert [found for path in files for found in calls(path)] == []


@pytest.mark.parametrize("statement", ["db.execute(x)", "c.executemany(x, y)", 'reader.rows("SELECT 1")'])
def test_a_statement_would_be_found(tmp_path: Path, statement: str) -> None:
    path = tmp_path / "module.py"
    path.write_text(statement)
    assert len(list(calls(path))) == 1
