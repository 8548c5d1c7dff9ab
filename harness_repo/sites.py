"""The places where a Python program can be varied without a rewrite: numbers, flags, and a few operators.

If the program has marks EVOLVE-BLOCK-START and EVOLVE-BLOCK-END, only what is between them counts. Sites are found in
the concrete syntax tree (libcst), so that everything else keeps its exact bytes.
"""

from __future__ import annotations

import contextlib
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import libcst as cst
from libcst import matchers as m
from libcst.metadata import MetadataWrapper, ParentNodeProvider, PositionProvider

from harness_repo.marks import FIXED, blocks

Kind = Literal["int", "float", "flag", "comparison", "extreme", "operator", "shape"]
AS_IT_IS, BENT = "as it is", "bent"
MOST = {"int": 48, "float": 48, "flag": 8, "comparison": 8, "extreme": 8, "operator": 8, "shape": 2}
"""Limit on the sites of each kind: with more, a search of a few dozen trials finds nothing."""

_LARGEST = 10**15
_PAIRS: tuple[tuple[type[cst.CSTNode], type[cst.CSTNode], str, str], ...] = (
    (cst.LessThan, cst.GreaterThan, "<", ">"),
    (cst.LessThanEqual, cst.GreaterThanEqual, "<=", ">="),
    (cst.Add, cst.Subtract, "+", "-"),
    (cst.Multiply, cst.Divide, "*", "/"),
)
_SYMBOLS = {kind: text for first, second, one, two in _PAIRS for kind, text in ((first, one), (second, two))}
_ARITHMETIC = (cst.Add, cst.Subtract, cst.Multiply, cst.Divide)


@dataclass(frozen=True)
class Bend:
    """The parts of `return scale * (e) + bend * (e) ** 3`."""

    inner: cst.BaseExpression
    scale: float
    bend: float


@dataclass(frozen=True)
class Site:
    """One place: `value` is its current value, `choices` are all possible values (empty for a number).

    `node` is the node to replace; `bend` is set for a return that is already bent.
    """

    name: str
    kind: Kind
    node: cst.CSTNode
    value: bool | int | float | str
    choices: tuple[bool | int | float | str, ...] = ()
    bend: Bend | None = None


def find(source: str) -> tuple[cst.Module, list[Site]]:
    """The tree of `source` and its sites, in the order of the text. Raises `libcst.ParserSyntaxError`."""
    wrapper = MetadataWrapper(cst.parse_module(source))
    finder = _Finder(blocks(source), wrapper.resolve(PositionProvider), wrapper.resolve(ParentNodeProvider))
    wrapper.module.visit(finder)
    return wrapper.module, finder.sites


class _Finder(cst.CSTVisitor):
    """Collects the sites of a tree."""

    def __init__(
        self,
        lines: list[tuple[int, int]] | None,
        positions: Mapping[cst.CSTNode, object],
        parents: Mapping[cst.CSTNode, cst.CSTNode],
    ) -> None:
        self.sites: list[Site] = []
        self._lines, self._positions, self._parents = lines, positions, parents
        self._names: Counter[str] = Counter()
        self._kinds: Counter[str] = Counter()

    def on_visit(self, node: cst.CSTNode) -> bool:
        if isinstance(node, cst.Annotation | cst.Decorator | cst.Index | cst.Slice | cst.FormattedStringExpression):
            return False
        shapes = self._kinds["shape"] < MOST["shape"]
        if isinstance(node, cst.Return) and node.value is not None and self._inside(node) and shapes:
            bend = _find_bend(node.value)
            if bend is not None or self._bendable(node):
                value = BENT if bend else AS_IT_IS
                self._add("shape", node, value, (AS_IT_IS, BENT), f"{self._scope(node)}return", bend)
            if bend is not None:  # its two numbers belong to the shape
                bend.inner.visit(self)
                return False
        self._plain(node)
        return True

    def _plain(self, node: cst.CSTNode) -> None:
        match node:
            case cst.Integer() if node.evaluated_value <= _LARGEST:
                self._number("int", node, node.evaluated_value)
            case cst.Float() if math.isfinite(node.evaluated_value) and node.evaluated_value < _LARGEST:
                self._number("float", node, node.evaluated_value)
            case cst.Name(value="True" | "False"):
                self._number("flag", node, node.value == "True")
            case cst.Comparison(comparisons=[cst.ComparisonTarget(operator=operator)]) if type(operator) in _SYMBOLS:
                self._pair("comparison", node, operator)
            case cst.BinaryOperation(operator=operator) if type(operator) in _SYMBOLS and not _literal(node):
                self._pair("operator", node, operator)
            case cst.Call(func=cst.Name(value="min" | "max" as name)):
                self._add("extreme", node, name, ("min", "max"), f"{self._scope(node)}min or max")

    def _number(self, kind: Kind, node: cst.BaseExpression, value: bool | int | float) -> None:
        hint = self._hint(node)
        if hint not in FIXED:
            self._add(kind, node, value, (True, False) if kind == "flag" else (), f"{self._scope(node)}{hint or kind}")

    def _pair(self, kind: Kind, node: cst.CSTNode, operator: cst.CSTNode) -> None:
        (choices,) = [pair[2:] for pair in _PAIRS if type(operator) in pair[:2]]
        self._add(kind, node, _SYMBOLS[type(operator)], choices, f"{self._scope(node)}{kind}")

    def _add(
        self,
        kind: Kind,
        node: cst.CSTNode,
        value: bool | int | float | str,
        choices: tuple[bool | int | float | str, ...],
        name: str,
        bend: Bend | None = None,
    ) -> None:
        if not self._inside(node) or self._kinds[kind] >= MOST[kind]:
            return
        self._kinds[kind] += 1
        self._names[name] += 1
        full = name if self._names[name] == 1 else f"{name} ({self._names[name]})"
        self.sites.append(Site(full, kind, node, value, choices, bend))

    def _inside(self, node: cst.CSTNode) -> bool:
        if self._lines is None:
            return True
        at = self._positions[node].start.line  # type: ignore[attr-defined]
        return any(first < at < last for first, last in self._lines)

    def _above(self, node: cst.CSTNode) -> Iterator[cst.CSTNode]:
        while (node := self._parents.get(node)) is not None:  # type: ignore[assignment]
            yield node

    def _scope(self, node: cst.CSTNode) -> str:
        above = [one.name.value for one in self._above(node) if isinstance(one, cst.FunctionDef | cst.ClassDef)]
        return "".join(f"{name}." for name in reversed(above))

    def _hint(self, node: cst.CSTNode) -> str:
        """The program's own name for this value: a parameter, a keyword, the assigned variable."""
        for one in self._above(node):
            match one:
                case cst.Param(name=cst.Name(value=name)) | cst.Arg(keyword=cst.Name(value=name)):
                    return name
                case (
                    cst.Assign(targets=[cst.AssignTarget(target=cst.Name(value=name))])
                    | cst.AugAssign(target=cst.Name(value=name))
                    | cst.AnnAssign(target=cst.Name(value=name))
                ):
                    return name
                case cst.Call(func=cst.Name(value="min" | "max")):  # min and max are sites themselves
                    continue
                case cst.Call(func=cst.Name(value=name) | cst.Attribute(attr=cst.Name(value=name))):
                    return name
                case cst.BaseCompoundStatement() | cst.SimpleStatementLine():
                    return ""
        return ""

    def _bendable(self, node: cst.Return) -> bool:
        """Whether it returns a number that contains no number literal."""
        value = node.value
        function = next((one for one in self._above(node) if isinstance(one, cst.FunctionDef)), None)
        typed = (
            function is not None
            and function.returns is not None
            and m.matches(function.returns, m.Annotation(m.Name("float")))
        )
        arithmetic = isinstance(value, cst.BinaryOperation) and type(value.operator) in _ARITHMETIC
        if value is None or not (arithmetic or (typed and isinstance(value, cst.Name | cst.Call | cst.UnaryOperation))):
            return False
        return not m.findall(value, m.Integer() | m.Float())


def _literal(node: cst.BinaryOperation) -> bool:
    return any(isinstance(side, cst.Integer | cst.Float | cst.BaseString) for side in (node.left, node.right))


def _number_of(node: cst.BaseExpression) -> float | None:
    with contextlib.suppress(AttributeError):
        if isinstance(node, cst.UnaryOperation) and isinstance(node.operator, cst.Minus):
            inner = _number_of(node.expression)
            return None if inner is None else -inner
        if isinstance(node, cst.Float):
            return node.evaluated_value
    return None


def _find_bend(value: cst.BaseExpression) -> Bend | None:
    """The parts of `scale * (e) + bend * (e) ** 3`, if that is what `value` is."""
    match value:
        case cst.BinaryOperation(
            left=cst.BinaryOperation(left=first, operator=cst.Multiply(), right=inner),
            operator=cst.Add(),
            right=cst.BinaryOperation(
                left=second,
                operator=cst.Multiply(),
                right=cst.BinaryOperation(left=again, operator=cst.Power(), right=cst.Integer(value="3")),
            ),
        ) if inner.lpar and inner.deep_equals(again):
            scale, bend = _number_of(first), _number_of(second)
            if scale is not None and bend is not None and not m.findall(inner, m.Integer() | m.Float()):
                return Bend(inner, scale, bend)
    return None
