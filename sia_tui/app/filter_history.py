"""The filters that the user has applied, kept over sessions in the folder of their own state."""

from __future__ import annotations

import contextlib

import msgspec

from domains import atomic
from engine import user_state

MOST = 100
_FOLDER, _FILE = "app", "filters.json"


def read() -> list[str]:
    """The filters, the last one at the end; none where they cannot be read."""
    for folder in user_state.folders(_FOLDER):
        with contextlib.suppress(OSError, msgspec.DecodeError, UnicodeDecodeError):
            if user_state.is_own(folder):
                return msgspec.json.decode((folder / _FILE).read_bytes(), type=list[str])[-MOST:]
    return []


def keep(text: str) -> None:
    """Puts a filter at the end. Where nothing can be written, it is forgotten: no work depends on it."""
    kept = msgspec.json.encode([*(one for one in read() if one != text), text][-MOST:])
    for folder in user_state.folders(_FOLDER):
        with contextlib.suppress(OSError):
            if user_state.is_own(folder, make=True):
                atomic.write(folder / _FILE, kept, durable=False)
                return
