"""Numbers with their units: scores, durations, times of day, counts."""

from __future__ import annotations

from datetime import datetime


def format_score(value: float, se: float | None = None) -> str:
    """A score, with its standard error where it has one."""
    return f"{value:.4f}" if se is None else f"{value:.4f} ± {se:.4f}"


def format_duration(seconds: float) -> str:
    """A duration in the unit that suits it."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} m" if hours else f"{minutes} m {rest:02} s"


def format_time(at_us: int) -> str:
    """The local time of day of a time in microseconds since 1970."""
    return datetime.fromtimestamp(at_us / 1e6).astimezone().strftime("%H:%M:%S")
