"""Runs an agent's Python over its files. This file runs in the sandbox, as a harness does; standard library only."""

from __future__ import annotations

import ast
import os
from typing import Any


def solve(instance: Any, ctx: Any) -> None:
    """Executes the code in the folder of the files; prints the value of a last expression."""
    os.chdir(ctx.folders["desk"])
    code = ast.parse(instance.data, "<python>")
    last = code.body.pop() if code.body and isinstance(code.body[-1], ast.Expr) else None
    names: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(code, "<python>", "exec"), names)  # noqa: S102 - this is the sandbox
    if isinstance(last, ast.Expr):
        value = eval(compile(ast.Expression(last.value), "<python>", "eval"), names)  # noqa: S307 - as above
        if value is not None:
            print(repr(value))
