"""Runs the candidate's program in a sandbox of its own, and calls its functions for the evaluator in another one.

The program may take over this process: all that it can do there is to give other results for its functions.
"""

from __future__ import annotations

import importlib.util
import random
import sys
from pathlib import Path, PurePosixPath
from typing import Any

from plain_values import dumps, loads


def solve(instance: Any, ctx: Any) -> None:
    """Serves requests of the evaluator until there are no more."""
    answer = Path("answer").absolute()
    for name, content in instance.data["files"].items():
        place = PurePosixPath(name)
        if place.is_absolute() or ".." in place.parts or not place.parts:
            raise ValueError(f"the answer has a file {name!r}, which is no plain relative path")
        (answer / place).parent.mkdir(parents=True, exist_ok=True)
        (answer / place).write_bytes(content)
    sys.path[:0] = [ctx.folders[name] for name in ("given", "packages") if name in ctx.folders]
    program = Program(answer / instance.data["program"])
    frame = ctx.tools.call("serve", frame=None)
    while frame is not None:
        frame = ctx.tools.call("serve", frame=program.reply(frame))


class Program:
    """The program's module, once it is loaded."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._module: Any = None

    def reply(self, frame: str) -> str:
        """The result of a request as text, or what was raised."""
        try:
            request = loads(frame)
            done = self._load(request) if request["do"] == "load" else self._call(request)
            found: str = dumps({"ok": done})
        except Exception as error:
            found = dumps({"raised": [type(error).__name__, str(error)[:2000]]})
        return found

    def _load(self, request: dict[str, Any]) -> dict[str, Any]:
        """Imports the program; returns its names with their values, and what its functions are called."""
        _restore(request["state"])
        spec = importlib.util.spec_from_file_location(request["name"], self._path)
        assert spec and spec.loader  # noqa: S101 - a Python file
        self._module = sys.modules[request["name"]] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(self._module)
        values: dict[str, Any] = {}
        functions, others = list[str](), list[str]()
        for name, value in vars(self._module).items():
            if name.startswith("__") or isinstance(value, type(sys)):
                continue
            if callable(value) and not isinstance(value, type):
                functions.append(name)
                continue
            try:
                values[name] = loads(dumps(value))
            except (TypeError, ValueError):
                others.append(name)
        return {"values": values, "functions": functions, "others": others}

    def _call(self, request: dict[str, Any]) -> Any:
        if request["state"] is not None:
            _restore(request["state"])
        return getattr(self._module, request["name"])(*request["arguments"], **request["options"])


def _restore(state: dict[str, Any]) -> None:
    """Sets the random generators as they are in the evaluator's process."""
    random.setstate(state["random"])
    if state["numpy"] is not None:
        import numpy as np

        np.random.set_state(state["numpy"])
