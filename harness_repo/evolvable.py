"""Makes a Python program searchable: its values as tunables, and the program rewritten with other values.

Both directions are pure. `read(source)` returns tunables and values; `render(source, values)` rewrites the program.
Rendered with its own values, a program is identical byte for byte; a rendered program reads back its new values.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from harness_repo.tunable import Tunable, Value

if TYPE_CHECKING:
    import libcst as cst

    from harness_repo.sites import Site

SKELETON = "(program)"
"""The tunable for everything but the values, with a digest as its only choice. If it differs, the values of one
program say nothing about the other."""

_NEUTRAL_AND_REACH = {"scale": (1.0, 1.0), "bend": (0.0, 0.25)}
"""For the two numbers of a bent return: the neutral value, and how far to either side the search goes."""


def read(source: str) -> tuple[dict[str, Tunable], dict[str, Value]]:
    """The tunables of a program and their values; none if it does not parse or nothing can be varied."""
    import libcst as cst

    from harness_repo.sites import BENT, find

    try:
        module, sites = find(source)
    except (cst.ParserSyntaxError, RecursionError):
        return {}, {}
    if not sites:
        return {}, {}
    tunables: dict[str, Tunable] = {}
    values: dict[str, Value] = {}
    for site in sites:
        values[site.name] = site.value
        match site.kind:
            case "int" | "float":
                tunables[site.name] = _range(site)
            case "shape":
                tunables[site.name] = Tunable("choice", list(site.choices), structural=True)
                for part, (neutral, reach) in _NEUTRAL_AND_REACH.items():
                    now = float(getattr(site.bend, part)) if site.bend else neutral
                    wide = max(reach, 2 * abs(now - neutral))
                    name = f"{site.name}.{part}"
                    low, high = neutral - wide, neutral + wide
                    tunables[name] = Tunable("float", low=low, high=high, when={site.name: [BENT]})
                    values[name] = now
            case _:
                tunables[site.name] = Tunable("choice", list(site.choices))
    skeleton = hashlib.sha256(_write(module, sites, _blank(sites)).encode()).hexdigest()[:12]
    tunables[SKELETON] = Tunable("choice", [skeleton], structural=True)
    values[SKELETON] = skeleton
    return tunables, values


def render(source: str, values: Mapping[str, Value]) -> str:
    """The program with `values`; sites that they do not name or do not change stay untouched."""
    from harness_repo.sites import find

    module, sites = find(source)
    return _write(module, sites, values)


def _range(site: Site) -> Tunable:
    """The range of a number: an order of magnitude up and down, or a small range around 0 and 1."""
    value = float(site.value)
    if site.kind == "int":
        if value < 2:
            return Tunable("int", low=0.0, high=4.0)
        return Tunable("int", low=float(max(1, int(value) // 10)), high=value * 10, log=True)
    if value < 1e-12:
        return Tunable("float", low=0.0, high=1.0)
    return Tunable("float", low=value / 10, high=value * 10, log=True)


def _blank(sites: list[Site]) -> dict[str, Value]:
    """A fixed value for each site, independent of its current value."""
    return {site.name: site.choices[0] if site.choices else 0 for site in sites}


def _write(module: cst.Module, sites: list[Site], values: Mapping[str, Value]) -> str:
    import libcst as cst

    by_node = {id(site.node): site for site in sites}

    class Writer(cst.CSTTransformer):
        def on_leave(self, original_node: Any, updated_node: Any) -> Any:
            site = by_node.get(id(original_node))
            return updated_node if site is None else _replace(site, updated_node, values)

    return module.visit(Writer()).code


def _replace(site: Site, node: Any, values: Mapping[str, Value]) -> Any:
    import libcst as cst

    if site.kind == "shape":
        return _reshape(site, node, values)
    value = type(site.value)(values.get(site.name, site.value))
    if value == site.value:
        return node
    match site.kind:
        case "comparison":
            (target,) = node.comparisons
            return node.with_changes(comparisons=[target.with_changes(operator=_operator(target.operator, str(value)))])
        case "operator":
            return node.with_changes(operator=_operator(node.operator, str(value)))
        case "extreme":
            return node.with_changes(func=cst.Name(str(value)))
        case _:
            fresh = cst.parse_expression(repr(value))
            return fresh.with_changes(lpar=[*node.lpar, *fresh.lpar], rpar=[*fresh.rpar, *node.rpar])


def _operator(old: Any, text: str) -> Any:
    import libcst as cst

    kinds: dict[str, Any] = {
        "<": cst.LessThan,
        ">": cst.GreaterThan,
        "<=": cst.LessThanEqual,
        ">=": cst.GreaterThanEqual,
    }
    kinds |= {"+": cst.Add, "-": cst.Subtract, "*": cst.Multiply, "/": cst.Divide}
    return kinds[text](whitespace_before=old.whitespace_before, whitespace_after=old.whitespace_after)


def _reshape(site: Site, node: Any, values: Mapping[str, Value]) -> Any:
    """A return under its shape: `return e`, or `return scale * (e) + bend * (e) ** 3`."""
    import libcst as cst

    from harness_repo.sites import BENT

    now = (site.bend.scale, site.bend.bend) if site.bend else (1.0, 0.0)
    shape = values.get(site.name, site.value)
    scale, bend = (float(values.get(f"{site.name}.{part}", now[place])) for place, part in enumerate(("scale", "bend")))
    if site.bend is None:
        if shape != BENT:
            return node
        inner = node.value.with_changes(
            lpar=[cst.LeftParen(), *node.value.lpar], rpar=[*node.value.rpar, cst.RightParen()]
        )
    else:
        inner = node.value.left.right  # the updated node: values inside it may have changed
        if shape != BENT:
            return node.with_changes(value=inner.with_changes(lpar=inner.lpar[1:], rpar=inner.rpar[:-1]))
        if (scale, bend) == now and inner.deep_equals(site.bend.inner):
            return node
    bent: Any = cst.parse_expression(f"{scale!r} * e + {bend!r} * e ** 3")
    cubed = bent.right.with_changes(right=bent.right.right.with_changes(left=inner))
    return node.with_changes(value=bent.with_changes(left=bent.left.with_changes(right=inner), right=cubed))
