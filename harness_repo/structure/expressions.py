"""Changes of expressions: operators, comparisons, conditions, signs and operands."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from harness_repo.marks import FIXED
from harness_repo.structure.text import Change, Text

_ARITHMETIC: dict[type[ast.operator], str] = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}
_WHOLE: dict[type[ast.operator], str] = {ast.FloorDiv: "//", ast.Mod: "%"}
_ORDERS: dict[type[ast.cmpop], str] = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">="}
_TWINS: dict[type[ast.cmpop], tuple[str, str]] = {
    ast.Eq: ("==", "!="), ast.NotEq: ("!=", "=="), ast.In: ("in", "not in"), ast.NotIn: ("not in", "in"),
    ast.Is: ("is", "is not"), ast.IsNot: ("is not", "is"),
}  # fmt: skip
_LARGEST = 10**15


def changes(text: Text, node: ast.AST, *, numbers: bool) -> Iterator[Change]:
    """Those of the node itself; of its numbers only with `numbers`."""
    match node:
        case ast.Compare(ops=[_]):
            yield from _comparison(text, node)
        case ast.BoolOp():
            yield from _logic(text, node)
        case ast.BinOp():
            yield from _arithmetic(text, node)
        case ast.AugAssign():
            yield from _update(text, node)
        case ast.If() | ast.IfExp():
            yield from _condition(text, node.test)
        case ast.comprehension():
            for test in node.ifs:
                yield from _condition(text, test)
        case ast.UnaryOp(op=ast.USub()):
            yield text.change("sign", node, text.code(node.operand))
        case ast.Constant() if not _is_fixed(text, node):
            yield from _number(text, node, numbers=numbers)


def _comparison(text: Text, node: ast.Compare) -> Iterator[Change]:
    kind = type(node.ops[0])
    left, right = text.code(node.left), text.code(node.comparators[0])
    if kind in _ORDERS:
        old, others = _ORDERS[kind], [other for other in _ORDERS.values() if other != _ORDERS[kind]]
    else:
        old, others = _TWINS[kind][0], [_TWINS[kind][1]]
    start, end = text.span(node.left)[1], text.span(node.comparators[0])[0]
    between = text.source[start:end]
    for new in others:
        shown = f"`{old}` becomes `{new}` in `{text.shown(node)}`"
        if between.count(old.encode()) == 1:
            yield Change(
                "comparison",
                f"line {node.lineno}: {shown}",
                ((start, end, between.replace(old.encode(), new.encode())),),
                node.col_offset,
            )
        else:
            yield text.change("comparison", node, b"(%b) %b (%b)" % (left, new.encode(), right), shown)


def _logic(text: Text, node: ast.BoolOp) -> Iterator[Change]:
    old, new = (" and ", " or ") if isinstance(node.op, ast.And) else (" or ", " and ")
    parts = [text.grouped(value) for value in node.values]
    shown = f"`{old.strip()}` becomes `{new.strip()}` in `{text.shown(node)}`"
    yield text.change("logic", node, b"(" + new.encode().join(parts) + b")", shown)
    for place, value in enumerate(node.values):
        rest = old.encode().join(part for at, part in enumerate(parts) if at != place)
        shown = f"the condition `{text.shown(value)}` is dropped from `{text.shown(node)}`"
        yield text.change("condition", node, b"(" + rest + b")", shown)


def _arithmetic(text: Text, node: ast.BinOp) -> Iterator[Change]:
    old = (_ARITHMETIC | _WHOLE).get(type(node.op))
    if old is None or _is_text(node.left) or _is_text(node.right):
        return
    left, right = text.grouped(node.left), text.grouped(node.right)
    for new in _ARITHMETIC.values() if type(node.op) in _ARITHMETIC else _WHOLE.values():
        if new != old:
            shown = f"`{old}` becomes `{new}` in `{text.shown(node)}`"
            yield text.change("operator", node, b"(%b %b %b)" % (left, new.encode(), right), shown)
    if old in ("-", "/", "//", "%"):
        shown = f"the two sides of `{text.shown(node)}` change places"
        yield text.change("operand", node, b"(%b %b %b)" % (right, old.encode(), left), shown)
    for kept in (left, right):
        yield text.change("operand", node, kept)


def _update(text: Text, node: ast.AugAssign) -> Iterator[Change]:
    old = (_ARITHMETIC | _WHOLE).get(type(node.op))
    if old is None:
        return
    start, end = text.span(node.target)[1], text.span(node.value)[0]
    between = text.source[start:end]
    for new in (*(f"{other}=" for other in _ARITHMETIC.values() if other != old), "="):
        shown = f"`{old}=` becomes `{new}` in `{text.shown(node)}`"
        piece = between.replace(f"{old}=".encode(), new.encode(), 1)
        yield Change("operator", f"line {node.lineno}: {shown}", ((start, end, piece),), node.col_offset)


def _condition(text: Text, test: ast.expr) -> Iterator[Change]:
    if isinstance(test, ast.Constant):
        return
    shown = text.shown(test)
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        negated = text.grouped(test.operand)
    else:
        negated = b"not (" + text.code(test) + b")"
    yield text.change("condition", test, negated, f"the condition `{shown}` is negated")
    yield text.change("condition", test, "True", f"the condition `{shown}` is dropped: it always holds")
    yield text.change("condition", test, "False", f"the condition `{shown}` is dropped: it never holds")


def _number(text: Text, node: ast.Constant, *, numbers: bool) -> Iterator[Change]:
    value = node.value
    if isinstance(value, bool):
        if numbers:
            yield text.change("number", node, str(not value))
        return
    if not isinstance(value, int | float) or not abs(value) < _LARGEST:
        return
    if value and not isinstance(text.parents.get(node), ast.UnaryOp | ast.Subscript | ast.Slice):
        shown = f"`{text.shown(node)}` becomes `-{text.shown(node)}`"
        yield text.change("sign", node, b"(-" + text.code(node) + b")", shown)
    if numbers:
        whole = isinstance(value, int)
        near = (
            [value + 1, value - 1, value * 2, value // 2] if whole else [value * 2, value / 2, value * 1.1, value / 1.1]
        )
        for new in dict.fromkeys(near):
            if new >= 0 and new != value:
                yield text.change("number", node, f"{new!r}")


def _is_fixed(text: Text, node: ast.AST) -> bool:
    """Whether the number belongs to a seed, an axis and the like."""
    for one in text.above(node):
        match one:
            case ast.keyword(arg=str(name)) if name in FIXED:
                return True
            case ast.Assign(targets=[ast.Name(id=name)]) if name in FIXED:
                return True
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)) if name in FIXED:
                return True
            case ast.stmt():
                return False
    return False


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str | bytes))
