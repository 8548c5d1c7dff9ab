"""Plain values as JSON text, for a pipe to a program that nobody trusts: reading one runs no code.

None, numbers, texts, bytes, lists, tuples, sets, dictionaries, and arrays and scalars of numpy that hold numbers,
truth values or texts. Anything else is a `TypeError`.
"""

from __future__ import annotations

import base64
import json
import sys
from typing import Any

_KINDS = "biufcSU"


def dumps(value: Any) -> str:
    """The text of a value."""
    return json.dumps(_encode(value))


def loads(text: str) -> Any:
    """The value of a text that `dumps` made; a `ValueError` or `TypeError` for any other."""
    try:
        return _decode(json.loads(text))
    except (KeyError, IndexError, RecursionError) as error:
        raise ValueError(f"no plain value: {type(error).__name__}") from None


def _encode(value: Any) -> Any:
    if value is None or type(value) in (bool, int, float, str):
        return value
    if type(value) is list:
        return ["list", [_encode(one) for one in value]]
    if type(value) is tuple:
        return ["tuple", [_encode(one) for one in value]]
    if type(value) in (set, frozenset):
        return ["set", [_encode(one) for one in value]]
    if isinstance(value, dict):
        return ["dict", [[_encode(key), _encode(one)] for key, one in value.items()]]
    if isinstance(value, (bytes, bytearray)):
        return ["bytes", base64.b64encode(value).decode()]
    if type(value) is complex:
        return ["complex", [value.real, value.imag]]
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(value, (numpy.ndarray, numpy.generic)) and value.dtype.kind in _KINDS:
        whole = numpy.ascontiguousarray(value)
        kind = "array" if isinstance(value, numpy.ndarray) else "scalar"
        return [kind, [whole.dtype.str, list(value.shape), base64.b64encode(whole.tobytes()).decode()]]
    raise TypeError(f"a {type(value).__name__} is no plain value, and only those pass between program and evaluator")


def _decode(value: Any) -> Any:
    if not isinstance(value, list):
        if isinstance(value, dict):
            raise TypeError("no plain value: a map")
        return value
    kind, inner = value
    if kind == "list":
        return [_decode(one) for one in inner]
    if kind == "tuple":
        return tuple(_decode(one) for one in inner)
    if kind == "set":
        return {_decode(one) for one in inner}
    if kind == "dict":
        return {_decode(key): _decode(one) for key, one in inner}
    if kind == "bytes":
        return base64.b64decode(inner)
    if kind == "complex":
        return complex(*inner)
    if kind in ("array", "scalar"):
        import numpy as np

        name, shape, content = inner
        dtype = np.dtype(str(name))
        if dtype.kind not in _KINDS:
            raise TypeError(f"no plain value: an array of {dtype}")
        found = np.frombuffer(base64.b64decode(content), dtype=dtype).reshape([int(size) for size in shape]).copy()
        return found if kind == "array" else found[()]
    raise TypeError(f"no plain value: {str(kind)[:20]!r}")
