"""Shapes of JSON documents as docs/json.md writes them.

A shape is JSON itself: a leaf is `"string"`, `"integer"`, `"number"`, `"boolean"` or `"any"`; a key that ends in `?`
may hold null; the key `*` stands for any keys; a list holds the shape of each of its items.
"""

from __future__ import annotations

from typing import Any

_KINDS: dict[str, tuple[type, ...]] = {"string": (str,), "integer": (int,), "number": (int, float), "boolean": (bool,)}


def mismatches(shape: Any, value: Any, at: str = "$") -> list[str]:
    """Where `value` is not of `shape`, in words; keys that the shape does not name are mismatches too."""
    if isinstance(shape, str):
        return [] if _is(shape, value) else [f"{at} is {value!r}, not of type {shape}"]
    if isinstance(shape, list):
        if not isinstance(value, list):
            return [f"{at} is no list"]
        return [text for place, item in enumerate(value) for text in mismatches(shape[0], item, f"{at}[{place}]")]
    if not isinstance(value, dict):
        return [f"{at} is no object"]
    if "*" in shape:
        return [text for key, item in value.items() for text in mismatches(shape["*"], item, f"{at}.{key}")]
    return _keys(shape, value, at)


def _keys(shape: dict[str, Any], value: dict[str, Any], at: str) -> list[str]:
    named = {key.removesuffix("?"): (inner, key.endswith("?")) for key, inner in shape.items()}
    found = [f"{at}.{key} is not on the page" for key in value.keys() - named.keys()]
    for key, (inner, nullable) in named.items():
        if key not in value:
            found.append(f"{at}.{key} is missing")
        elif value[key] is not None or not nullable:
            found += mismatches(inner, value[key], f"{at}.{key}")
    return found


def _is(kind: str, value: Any) -> bool:
    if kind == "any":
        return True
    return isinstance(value, _KINDS[kind]) and (kind == "boolean" or not isinstance(value, bool))
