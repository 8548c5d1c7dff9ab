"""Whether a task's program can run apart from its evaluator; read from the code, without running it.

It can if the evaluator imports the program by its path and calls its functions. An evaluator that may run it in another
way (as a script, as text, in processes of its own) would still run it beside itself.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from engine import domain_files
from engine.importers.formats import Task

_IMPORTS = frozenset({".spec_from_file_location", ".run_shinka_eval"})
_OTHER_WAYS = frozenset(
    {"exec", "eval", "compile", "__import__", ".import_module", ".SourceFileLoader", ".runpy", ".subprocess"}
    | {".multiprocessing", ".ProcessPoolExecutor", ".pickle", ".dill", ".joblib", ".ctypes", ".fork", ".system"}
    | {".popen", ".posix_spawn", ".create_subprocess_exec", ".create_subprocess_shell", ".execv", ".execve"}
)
"""With a dot: as an attribute or an import, too (`re.compile` does not match)."""


def why_not(folder: Path, task: Task) -> str:
    """The reason in a few words; empty if the program can run apart, or never runs beside its evaluator."""
    if task.kind == "sia":
        return ""
    if not task.program.endswith(".py"):
        return f"{task.program} is no Python program"
    used = set[str]()
    for path in domain_files.files(folder):
        if path.suffix != ".py" or str(path) == task.program:
            continue
        try:
            used |= set(_names(ast.parse((folder / path).read_bytes())))
        except (SyntaxError, ValueError, RecursionError):
            return f"{path} cannot be parsed"
    if not used & _IMPORTS:
        return f"{task.evaluator} does not import the program by its path"
    if other := sorted(used & _OTHER_WAYS):
        return f"the task's code uses {other[0].removeprefix('.')}"
    return ""


def _names(parsed: ast.AST) -> Iterator[str]:
    for node in ast.walk(parsed):
        if isinstance(node, ast.Name):
            yield from (node.id, f".{node.id}")
        elif isinstance(node, ast.Attribute):
            yield f".{node.attr}"
        elif isinstance(node, ast.Import):
            for alias in node.names:
                yield from (f".{part}" for part in alias.name.split("."))
        elif isinstance(node, ast.ImportFrom):
            yield from (f".{part}" for part in (node.module or "").split("."))
            for alias in node.names:
                yield f".{alias.name}"
