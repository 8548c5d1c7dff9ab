"""Every payload that can be written is read back equal, from bytes that never change."""

from __future__ import annotations

import types
import typing
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.events import types as t
from engine.events.codec import decode, encode

PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    str: st.text(max_size=20),
    bool: st.booleans(),
    int: st.integers(-(2**63), 2**63 - 1),
    float: st.floats(allow_nan=False, allow_infinity=False),
    type(None): st.none(),
    Any: st.text(max_size=5) | st.integers(-9, 9) | st.booleans() | st.none(),
}


def of(kind: Any) -> st.SearchStrategy[Any]:
    """Values of a type that a payload may hold."""
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if kind in PLAIN:
        return PLAIN[kind]
    if origin is typing.Literal:
        return st.sampled_from(inner)
    if origin in (typing.Union, types.UnionType):
        return st.one_of(*map(of, inner))
    if origin is list:
        return st.lists(of(inner[0]), max_size=3)
    if origin is dict:
        return st.dictionaries(of(inner[0]), of(inner[1]), max_size=3)
    fields = {field.name: of(field.type) for field in msgspec.structs.fields(kind)}
    required = {name for name, field in zip(fields, msgspec.structs.fields(kind), strict=True) if field.required}
    return st.fixed_dictionaries(
        {name: fields[name] for name in fields if name in required},
        optional={name: fields[name] for name in fields if name not in required},
    ).map(lambda values: kind(**values))


@pytest.mark.parametrize("kind", list(t.PAYLOADS))
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_a_payload_is_read_back_equal_from_stable_bytes(kind: str, data: st.DataObject) -> None:
    payload = data.draw(of(t.PAYLOADS[kind]))
    stored = encode(payload)
    again = decode(kind, payload.version, stored)
    assert again == payload
    assert type(again) is type(payload)
    assert encode(again) == stored
