"""The code that is bound into a sandbox imports nothing else of ours."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

import engine.sandbox
from engine.sandbox.inside.harness import describe_failure

FOLDER = Path(engine.sandbox.__file__).with_name("inside")


@pytest.mark.parametrize("file", sorted(str(path.relative_to(FOLDER)) for path in FOLDER.rglob("*.py")))
def test_it_imports_the_standard_library_msgspec_and_itself(file: str) -> None:
    found: set[str] = set()
    for node in ast.walk(ast.parse((FOLDER / file).read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level <= len(Path(file).parts)
            found |= {(node.module or "").partition(".")[0]} if node.level == 0 else set()
    assert found <= {*sys.stdlib_module_names, "msgspec"}


def _noted() -> Exception:
    error = ValueError("first\nsecond")
    error.add_note("a note")
    return error


def _syntax() -> Exception:
    try:
        compile("x = = 1", "agent.py", "exec")
    except SyntaxError as error:
        return error
    raise AssertionError


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (RuntimeError("no index"), "RuntimeError: no index"),
        (RuntimeError("no index for 7:\nthe table is short"), "RuntimeError: no index for 7:\nthe table is short"),
        (_noted(), "ValueError: first\nsecond"),
        (_syntax(), "SyntaxError: invalid syntax"),
        (KeyError(), "KeyError"),
    ],
)
def test_a_failure_is_named_by_its_type_and_all_that_it_says(error: BaseException, said: str) -> None:
    assert describe_failure(error, "/nowhere") == ("candidate", said)
