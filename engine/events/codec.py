"""Encodes payloads and decodes them. Pure upcasters convert old versions; versions of newer releases are refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from engine.errors import SiaError
from engine.events.types import PAYLOADS, Payload

Raw = dict[str, Any]
Upcaster = Callable[[Raw], Raw]

UPCASTERS: Mapping[tuple[str, int], Upcaster] = {}
"""By (type, version), the function that converts a raw payload of that version to the next."""

_encoder = msgspec.json.Encoder(order="deterministic")


class NotRecordable(SiaError):
    """A payload that could not be read back."""


class Unreadable(SiaError):
    """A stored payload that is not one of its type."""


def encode(payload: Payload) -> bytes:
    """The canonical JSON that is stored and hashed. Raises `NotRecordable` if it could not be read back."""
    try:
        stored = _encoder.encode(payload)
        msgspec.json.decode(stored, type=type(payload))  # NaN is written as null, which is no number
    except (msgspec.MsgspecError, ValueError, TypeError, OverflowError, RecursionError) as error:
        raise NotRecordable(f"an event {payload.type!r} cannot be recorded ({error})", "report it") from None
    return stored


def decode(
    kind: str, version: int, stored: bytes, upcasters: Mapping[tuple[str, int], Upcaster] = UPCASTERS
) -> Payload:
    """The payload in its current type.

    Raises `Unreadable`, and `SiaError` for a type or version that this release does not know.
    """
    target = PAYLOADS.get(kind)
    if target is None or version > target.version:
        raise SiaError(
            f"the log holds an event {kind!r} of version {version}, which this release does not know", "upgrade sia"
        )
    try:
        if version == target.version:
            try:
                return msgspec.json.decode(stored, type=target)
            except msgspec.ValidationError:
                return msgspec.convert(_without_nulls(msgspec.json.decode(stored, type=Raw)), target)
        raw = msgspec.json.decode(stored, type=Raw)
        for step in range(version, target.version):
            raw = upcasters[kind, step](raw)
        return msgspec.convert(raw, target)
    except (msgspec.MsgspecError, KeyError, UnicodeDecodeError, RecursionError) as error:
        raise Unreadable(
            f"an event {kind!r} of version {version} cannot be read ({error})", "run `sia verify`"
        ) from None


def _without_nulls(raw: Raw) -> Raw:
    """The payload without the null entries of its maps: earlier releases wrote measures that are NaN so."""
    return {
        name: {key: value for key, value in one.items() if value is not None} if isinstance(one, dict) else one
        for name, one in raw.items()
    }
