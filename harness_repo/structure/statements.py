"""Changes of statements: one dropped, two that change places, an early return.

Definitions and imports stay, so that what others call is still there; and no name is used before it has a value.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from harness_repo.structure.text import Change, Text, short

_STAYS = (
    ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom, ast.Global, ast.Nonlocal, ast.Pass,
)  # fmt: skip
_SEEDS = {"seed", "manual_seed", "set_seed"}
"""What makes chance the same each time stays where it is: without it a program is measured by its luck."""
_LEAVES = (ast.Return, ast.Raise, ast.Break, ast.Continue)


class _Names(NamedTuple):
    """What a statement reads, binds, and changes in place; whether it calls something."""

    read: set[str]
    bound: set[str]
    changed: set[str]
    calls: bool


def changes(text: Text, node: ast.AST) -> Iterator[Change]:
    """Those of the statements that the node holds."""
    for field in ("body", "orelse", "finalbody"):
        block = getattr(node, field, None)
        if isinstance(block, list) and block and isinstance(block[0], ast.stmt):
            yield from _of_block(text, node, block)
    if isinstance(node, ast.FunctionDef):
        yield from _early_returns(text, node)


def is_main(one: ast.AST) -> bool:
    """`if __name__ == "__main__":`, which is how a program is run by itself."""
    return isinstance(one, ast.If) and any(isinstance(n, ast.Name) and n.id == "__name__" for n in ast.walk(one.test))


def _of_block(text: Text, holder: ast.AST, block: list[ast.stmt]) -> Iterator[Change]:
    scope = _scope(text, block[0])
    for place, one in enumerate(block):
        if not _movable(text, one):
            continue
        if _may_go(text, holder, scope, one):
            yield _dropped(text, one, alone=len(block) == 1)
        if place + 1 < len(block) and _movable(text, block[place + 1]):
            following = block[place + 1]
            if not isinstance(one, _LEAVES) and not isinstance(following, _LEAVES) and _differ(scope, one, following):
                yield _swapped(text, one, following)


def _movable(text: Text, one: ast.stmt) -> bool:
    """Whether the statement has its lines for itself, may be changed, and defines nothing."""
    if isinstance(one, _STAYS) or not text.is_open(one) or _is_docstring(one) or is_main(one) or _seeds(one):
        return False
    before = text.source[text.place(one.lineno) : text.span(one)[0]]
    after = text.source[text.span(one)[1] : _after(text, one)].strip()
    return not before.strip() and (not after or after.startswith(b"#"))


def _may_go(text: Text, holder: ast.AST, scope: ast.AST, one: ast.stmt) -> bool:
    if isinstance(one, ast.Return | ast.Raise):  # without it the function gives nothing
        return isinstance(holder, ast.If)
    if isinstance(one, ast.Break | ast.Continue):
        return not any(isinstance(up, ast.While) for up in text.above(one))
    names = _names(one)
    loops = [up for up in text.above(one) if isinstance(up, ast.While)]
    if any((names.bound | names.changed) & _names(loop.test).read for loop in loops):  # it might never end
        return False
    fresh = names.bound - _bound_before(scope, one)
    return not fresh & _read_elsewhere(scope, one)


def _dropped(text: Text, one: ast.stmt, *, alone: bool) -> Change:
    start, end = text.place(one.lineno), _after(text, one)
    indent = text.source[start : text.span(one)[0]]
    said = _first_line(text, one)
    which = _lines(one)
    verb = "is" if one.lineno == one.end_lineno else "are"
    piece = (start, end, indent + b"pass\n" if alone else b"")
    return Change("drop", f"{which} {verb} dropped: `{said}`", (piece,), one.col_offset)


def _swapped(text: Text, one: ast.stmt, following: ast.stmt) -> Change:
    first, second = (text.place(one.lineno), _after(text, one)), (text.place(following.lineno), _after(text, following))
    a, between, b = (text.source[slice(*first)], text.source[first[1] : second[0]], text.source[slice(*second)])
    if not b.endswith(b"\n"):
        a, b = a.removesuffix(b"\n"), b + b"\n"
    said = f"`{_first_line(text, one)}` and `{_first_line(text, following)}`"
    single = one.lineno == one.end_lineno and following.lineno == following.end_lineno
    which = f"lines {one.lineno} and {following.lineno}" if single else f"{_lines(one)} and {_lines(following)}"
    why = f"{which} change places: {said}"
    return Change("swap", why, ((first[0], second[1], b + between + a),), one.col_offset)


def _early_returns(text: Text, function: ast.FunctionDef) -> Iterator[Change]:
    *body, last = function.body
    if not (isinstance(last, ast.Return) and last.value is not None and text.is_open(last)):
        return
    if any(isinstance(node, ast.Yield | ast.YieldFrom) for node in ast.walk(function)):
        return
    value = text.code(last.value)
    if b"\n" in value or not isinstance(last.value, ast.Name | ast.Tuple | ast.Attribute | ast.BinOp | ast.Call):
        return
    local = set().union(*(_names(one).bound for one in body))
    wanted = _names(last).read & local
    for place, one in enumerate(body):
        ready = set().union(*(_names(earlier).bound for earlier in body[:place]), _parameters(function))
        if not place or not wanted <= ready or not _movable(text, one):
            continue
        start = text.place(one.lineno)
        indent = text.source[start : text.span(one)[0]]
        why = f"line {one.lineno}: `return {short(value.decode())}` comes early, before `{_first_line(text, one)}`"
        yield Change("return", why, ((start, start, indent + b"return " + value + b"\n"),), one.col_offset)


def _differ(scope: ast.AST, one: ast.stmt, following: ast.stmt) -> bool:
    """Whether the order can matter, and no name is read before it is bound."""
    a, b = _names(one), _names(following)
    if (a.bound - _bound_before(scope, one)) & (b.read | b.changed):
        return False
    writes_a, writes_b = a.bound | a.changed, b.bound | b.changed
    shared = writes_a & (b.read | writes_b) or writes_b & a.read
    return bool(shared or (a.calls and b.calls))


def _names(node: ast.AST) -> _Names:
    read, bound, changed, calls = set(), set(), set(), False
    for one in ast.walk(node):
        match one:
            case ast.Name(id=name, ctx=ast.Load()):
                read.add(name)
            case ast.Name(id=name):
                bound.add(name)
            case ast.Subscript(ctx=ast.Store() | ast.Del()) | ast.Attribute(ctx=ast.Store() | ast.Del()):
                changed |= _root(one)
            case ast.Call():
                calls = True
                if isinstance(one.func, ast.Attribute):
                    changed |= _root(one.func)
        if isinstance(one, ast.AugAssign) and isinstance(one.target, ast.Name):
            read.add(one.target.id)
    return _Names(read, bound, changed, calls)


def _root(node: ast.expr) -> set[str]:
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return {node.id} if isinstance(node, ast.Name) else set()


def _scope(text: Text, node: ast.AST) -> ast.AST:
    return text.function_of(node) or text.tree


def _bound_before(scope: ast.AST, one: ast.stmt) -> set[str]:
    """Names that have a value in the scope before the statement's first line."""
    found = _parameters(scope) if isinstance(scope, ast.FunctionDef) else set()
    for node in ast.walk(scope):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.lineno < one.lineno:
            found.add(node.id)
    return found


def _read_elsewhere(scope: ast.AST, one: ast.stmt) -> set[str]:
    inside = set(ast.walk(one))
    return {
        node.id
        for node in ast.walk(scope)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node not in inside
    }


def _parameters(function: ast.FunctionDef) -> set[str]:
    given = function.args
    every = [*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg]
    return {one.arg for one in every if one is not None}


def _after(text: Text, one: ast.stmt) -> int:
    """The first byte of the line after the statement."""
    return text.place((one.end_lineno or one.lineno) + 1)


def _lines(one: ast.stmt) -> str:
    return f"line {one.lineno}" if one.lineno == one.end_lineno else f"lines {one.lineno} to {one.end_lineno}"


def _first_line(text: Text, one: ast.stmt) -> str:
    code = text.code(one).decode()
    return short(code) if one.lineno == one.end_lineno else short(code.split("\n")[0].rstrip() + " …")


def _seeds(one: ast.stmt) -> bool:
    call = one.value if isinstance(one, ast.Expr) else None
    function = call.func if isinstance(call, ast.Call) else None
    return (isinstance(function, ast.Attribute) and function.attr in _SEEDS) or (
        isinstance(function, ast.Name) and function.id in _SEEDS
    )


def _is_docstring(one: ast.stmt) -> bool:
    return isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant)
