"""Numbers with their units: scores, durations, times of day, counts."""

from __future__ import annotations

from datetime import datetime

from sia_tui.cli import formats

format_duration = formats.duration


def format_score(value: float, se: float | None = None) -> str:
    """A score, with its standard error where it has one."""
    return formats.decimal(value) if se is None else f"{formats.decimal(value)} ± {formats.decimal(se)}"


def format_time(at_us: int) -> str:
    """The local time of day of a time in microseconds since 1970."""
    return datetime.fromtimestamp(at_us / 1e6).astimezone().strftime("%H:%M:%S")
