"""Numbers with their units: scores, durations, times of day, counts."""

from __future__ import annotations

from datetime import datetime

from engine.plain import decimal, with_error
from sia_tui.cli import formats

format_duration = formats.duration


format_score = with_error
format_honest = formats.honest


def format_gap(score: float, honest: float, of: str) -> str:
    """An honest score, what measured it, and by how much the public score differs."""
    return f"{decimal(honest)} by {of}, gap {decimal(score - honest, '+')}"


def format_time(at_us: int) -> str:
    """The local time of day of a time in microseconds since 1970."""
    return datetime.fromtimestamp(at_us / 1e6).astimezone().strftime("%H:%M:%S")
