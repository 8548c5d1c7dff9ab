"""Changes of calls: another function with the same arguments, a loop's bounds, an order, a container."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator

from harness_repo.structure.siblings import functions, methods
from harness_repo.structure.text import Change, Text, short

_SYMMETRIC = {"min", "max", "math.hypot", "isinstance", "range", "getattr", "hasattr"}
_CONTAINERS = {"list", "tuple", "set", "sorted", "frozenset", "collections.deque"}
_WRAPS = ("sin", "tanh", "sqrt", "square", "abs", "cbrt", "sort", "round")
"""Of numpy: one array in, one of the same shape out."""
_SEEDS = {"seed", "default_rng", "Random", "RandomState"}


def changes(text: Text, node: ast.AST, *, numbers: bool) -> Iterator[Change]:
    """Those of the node itself: a call, or a loop over something; literal bounds only with `numbers`."""
    match node:
        case ast.Call():
            yield from _another_function(text, node)
            yield from _order(text, node)
            yield from _arguments(text, node)
            if text.callee(node.func) == "range":
                yield from _bounds(text, node, numbers=numbers)
        case ast.Return(value=ast.expr() as value) | ast.Assign(value=value):
            yield from _wrapped(text, value)
        case ast.For() | ast.comprehension():
            source = node.iter
            if not (isinstance(source, ast.Call) and text.callee(source.func) in ("reversed", "sorted", "range")):
                yield _reversed(text, source)


def everywhere(text: Text, nodes: list[ast.AST]) -> Iterator[Change]:
    """A function replaced in all its calls, where there are several."""
    calls: dict[tuple[str, int], list[ast.Call]] = defaultdict(list)
    for node in nodes:
        if isinstance(node, ast.Call) and (full := text.callee(node.func)):
            calls[full, len(node.args) + len(node.keywords)].append(node)
    for (full, count), found in calls.items():
        if len(found) > 1:
            for other in functions(full, count):
                if new := _written(text, found[0].func, full, other):
                    pieces = tuple((*text.span(one.func), new.encode()) for one in found)
                    lines = f"lines {found[0].lineno} to {found[-1].lineno}"
                    lines = f"line {found[0].lineno}" if found[0].lineno == found[-1].lineno else lines
                    why = f"{lines}: `{text.shown(found[0].func)}` becomes `{new}` in {len(found)} places"
                    yield Change("function", why, pieces, found[0].col_offset)


def _another_function(text: Text, node: ast.Call) -> Iterator[Change]:
    full, count = text.callee(node.func), len(node.args) + len(node.keywords)
    if any(isinstance(one, ast.Starred) for one in node.args):
        return
    others = functions(full, count) if full else []
    kind = "container" if full in _CONTAINERS else "function"
    for other in others:
        if new := _written(text, node.func, full, other):
            yield text.change(kind, node.func, new, f"`{text.shown(node.func)}` becomes `{new}`")  # type: ignore[arg-type]
    if not full and isinstance(node.func, ast.Attribute):
        value = text.code(node.func.value)
        for other in methods(node.func.attr, deques=b"deque" in text.source):
            shown = f"`.{node.func.attr}` becomes `.{other}` in `{text.shown(node)}`"
            yield text.change("function", node.func, value + b"." + other.encode(), shown)
        if node.func.attr == "pop" and not node.args:
            shown = f"`.pop()` takes the first element in `{text.shown(node)}`"
            yield text.change("container", node, text.code(node.func) + b"(0)", shown)


def _written(text: Text, old: ast.expr, full: str, other: str) -> str:
    """How the program calls the other function; nothing where it cannot."""
    module = full.rpartition(".")[0]
    if isinstance(old, ast.Attribute):
        if "." not in other:
            return other if other in text.builtins else ""
        return f"{text.code(old.value).decode()}.{other.removeprefix(f'{module}.')}"
    if not module:
        return other if other in text.builtins else ""
    return next((alias for alias, stands_for in text.modules.items() if stands_for == other), "")


def _order(text: Text, node: ast.Call) -> Iterator[Change]:
    """Sorted the other way, or without its key."""
    is_sort = isinstance(node.func, ast.Attribute) and node.func.attr == "sort" and not text.callee(node.func)
    if not is_sort and text.callee(node.func) != "sorted":
        return
    code = text.code(node)
    named = {one.arg: one for one in node.keywords}
    if "reverse" not in named:
        if node.args and isinstance(node.args[0], ast.GeneratorExp):
            code = text.code(node.func) + b"(" + text.code(node.args[0]) + b")"
        comma = b", " if (node.args or node.keywords) and not code[:-1].rstrip().endswith(b",") else b""
        shown = f"`{text.shown(node)}` sorts the other way"
        yield text.change("order", node, code[:-1] + comma + b"reverse=True)", shown)
    elif isinstance(named["reverse"].value, ast.Constant):
        value = named["reverse"].value
        yield text.change("order", value, str(not value.value), f"`{text.shown(node)}` sorts the other way")


def _arguments(text: Text, node: ast.Call) -> Iterator[Change]:
    if node.keywords or any(isinstance(one, ast.Starred) for one in node.args):
        return
    full = text.callee(node.func)
    if len(node.args) == 2 and full not in _SYMMETRIC:
        (first, second), what = node.args, text.shown(node)
        pieces = ((*text.span(first), text.code(second)), (*text.span(second), text.code(first)))
        why = f"line {node.lineno}: the two arguments of `{what}` change places"
        yield Change("arguments", why, pieces, node.col_offset)
    name = node.func.attr if isinstance(node.func, ast.Attribute) else full
    if len(node.args) == 1 and full and name not in _SEEDS and full not in ("range", "len", "print"):
        yield text.change("function", node, text.grouped(node.args[0]))


def _wrapped(text: Text, value: ast.expr) -> Iterator[Change]:
    """A value that numpy may have made, handed through one more of its functions."""
    alias = next((alias for alias, full in text.modules.items() if full == "numpy"), "")
    if alias and isinstance(value, ast.Name | ast.Call | ast.BinOp) and not _is_generator(value):
        for name in _WRAPS:
            shown = f"`{text.shown(value)}` goes through `{alias}.{name}`"
            yield text.change("wrap", value, f"{alias}.{name}(".encode() + text.code(value) + b")", shown)


def _is_generator(value: ast.expr) -> bool:
    return isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute) and value.func.attr in _SEEDS


def _bounds(text: Text, node: ast.Call, *, numbers: bool) -> Iterator[Change]:
    if not node.args or len(node.args) > 3:
        return
    stop = node.args[0] if len(node.args) == 1 else node.args[1]
    for bound in dict.fromkeys((stop, node.args[0])):
        if isinstance(bound, ast.Constant) and not numbers:
            continue
        code = text.grouped(bound)
        for new in (code + b" - 1", code + b" + 1"):
            yield text.change(
                "bounds",
                bound,
                new,
                f"`{text.shown(node)}` goes to `{short(new.decode())}`"
                if bound is stop
                else f"`{text.shown(node)}` begins at `{short(new.decode())}`",
            )
    if not (isinstance(stop, ast.Constant) and not numbers):
        code = text.grouped(stop)
        for new in (b"2 * " + code, code + b" // 2"):
            yield text.change("bounds", stop, new, f"`{text.shown(node)}` goes to `{short(new.decode())}`")
    if isinstance(text.parents.get(node), ast.For | ast.comprehension):
        yield text.change(
            "order", node, b"reversed(" + text.code(node) + b")", f"`{text.shown(node)}` is walked backwards"
        )


def _reversed(text: Text, source: ast.expr) -> Change:
    code = b"reversed(list(" + text.code(source) + b"))"
    return text.change("order", source, code, f"`{text.shown(source)}` is walked backwards")
