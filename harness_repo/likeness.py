"""Whether two harnesses are the same but for comments and layout: then they do the same.

Python is compared by its syntax tree, TOML and JSON by their values, any other text without runs of blank space.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import json
import tomllib
from collections.abc import Mapping


def are_alike(one: Mapping[str, bytes], other: Mapping[str, bytes]) -> bool:
    """Whether the files of two harnesses differ in comments and layout at most."""
    return one.keys() == other.keys() and all(
        content == other[path] or _content(path, content) == _content(path, other[path])
        for path, content in one.items()
    )


@functools.lru_cache(maxsize=4096)
def _content(path: str, content: bytes) -> bytes:
    """A digest of what a file says; of its bytes where it is not what its name says."""
    try:
        said = _said(path, content.decode())
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        said = repr(content)
    return hashlib.sha256(said.encode("utf-8", "surrogatepass")).digest()


def _said(path: str, text: str) -> str:
    if path.endswith(".py"):
        return ast.dump(ast.parse(text))
    if path.endswith(".toml"):
        return repr(_sorted(tomllib.loads(text)))
    if path.endswith(".json"):
        return repr(_sorted(json.loads(text)))
    return " ".join(text.split())


def _sorted(value: object) -> object:
    """The value with the keys of its tables in order."""
    if isinstance(value, dict):
        return {key: _sorted(inner) for key, inner in sorted(value.items())}
    return [_sorted(inner) for inner in value] if isinstance(value, list) else value
