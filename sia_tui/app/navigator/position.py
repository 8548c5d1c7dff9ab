"""A position in a run, as the user types it: an event, a generation, a time of day, or a time after the start."""

from __future__ import annotations

import re
from datetime import datetime

from engine.errors import SiaError
from sia_tui.app.navigator.run_cursor import RunCursor

_EXAMPLES = "type an event number, g3 for a generation, 14:03:20 for a time, or +90s after the start"
_LONGEST = 24
_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600}


def parse_position(cursor: RunCursor, text: str) -> int | None:
    """The event that `text` names: `1500`, `g3`, `14:03:20`, `+90s`; None for the head. Raises `SiaError`."""
    text = text.strip().replace(",", "")
    if text in ("", "end"):
        return None
    if len(text) > _LONGEST:  # more digits than any number of an event or a second has
        raise SiaError(f"{text[:_LONGEST]!r} is not a position in this run", _EXAMPLES)
    if text.isdecimal():
        if not 1 <= int(text) <= cursor.head:
            raise SiaError(f"there is no event {text}", f"this run has events 1 to {cursor.head}")
        return int(text)
    if match := re.fullmatch(r"g(\d+)", text):
        n = cursor.last_of_generation(int(match[1]))
        if n is None:
            raise SiaError(f"this run has no generation {match[1]}", _EXAMPLES)
        return n
    if match := re.fullmatch(r"\+(\d+(?:\.\d+)?)([smh]?)", text):
        return cursor.last_at(cursor.start_time + float(match[1]) * _UNITS[match[2]] * 1e6)
    if match := re.fullmatch(r"(\d{1,2}):(\d{2})(?::(\d{2}))?", text):
        hour, minute, second = int(match[1]), int(match[2]), int(match[3] or 0)
        if hour < 24 and minute < 60 and second < 60:
            start = datetime.fromtimestamp(cursor.start_time / 1e6).astimezone()
            at = start.replace(hour=hour, minute=minute, second=second, microsecond=999_999).timestamp() * 1e6
            return cursor.last_at(at if at >= cursor.start_time else at + 86_400e6)
    raise SiaError(f"{text!r} is not a position in this run", _EXAMPLES)
