"""Steps, scores, failures, sizes and settings as text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine import plain as values
from engine.plain import with_error
from sia_tui.cli.output import plain

if TYPE_CHECKING:
    from engine.events.types import Look, PrivateCheck

decimal, plural = values.decimal, values.plural
STEP_NAMES = {
    "baseline": "baselines",
    "write": "first harness",
    "execute": "Execution",
    "analyse": "Analysis",
    "improve": "Improvement",
    "test": "sealed test",
}
"""What a user reads for each kind of step, in the progress of a run and in the app."""
_LONGEST = 60
"""Characters of a setting to print; a script can be a page long."""


LONGEST_REASON = 300
"""Characters of a failure's message to print; a traceback can be a page long."""


def number(value: float | None) -> str:
    """A score without its error."""
    return "-" if value is None else decimal(value)


def amount(value: float) -> str:
    """A part of a budget: four digits, and from 1,000 on the whole number."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def score(row: dict[str, Any] | None) -> str:
    """A score with its standard error, where its units say something of that."""
    return "-" if row is None else with_error(row["score"], row["se"], row["n"])


def honest(public: float, score: float) -> str:
    """The honest score that stands beside a public one, and the gap between the two."""
    return f"honest {decimal(score)}, gap {decimal(public - score, '+')}"


def beside(row: dict[str, Any] | None) -> str:
    """The honest score and the gap of a score as data, to be printed after it; empty where there is none."""
    return "" if row is None or row["honest"] is None else f", {honest(row['score'], row['honest'])}"


def checked(public: float, check: PrivateCheck | None) -> str:
    """What the private check found, to be printed after a score; empty where there was none."""
    if check is None:
        return ""
    found = f", {honest(public, check.honest.score)}" if check.honest else ""
    return found if check.passed else f"{found}, refused"


def private_check(row: dict[str, Any]) -> str:
    """The result of the private check, to be printed after the score; empty if the domain has no such check."""
    text = "" if row["honest"] is None else f", honest {decimal(row['honest'])}"
    if row.get("honest_floor") is not None:
        text += f" (floor {decimal(row['honest_floor'])})"
    reasons = row["refused"] if "refused" in row else row["private"]["refused"] if row["private"] else ()
    return text + "".join(f"; refused: {plain(reason)}" for reason in reasons)


def failures(counts: dict[str, int]) -> str:
    """Failures by kind."""
    return ", ".join(f"{count} {kind}" for kind, count in counts.items())


def first_failure(generation: int, message: str) -> str:
    """Why a generation's first failed result failed, in one line."""
    return f"generation {generation}: the first that failed: {' '.join(plain(message).split())[:LONGEST_REASON]}"


def look(found: Look, which: str) -> str:
    """One look of the gate, in words."""
    p = f"p = {found.p:.2g}, to accept below {found.alpha:.2g}"
    return f"{which}: {with_error(found.difference, found.se, found.n, sign='+')} ({p})"


def dollars(usd: float, unpriced: bool | int) -> str:
    """An amount; where the price of a call is not known, at least this."""
    if not unpriced:
        return f"{usd:.4f}"
    return f"{usd:.4f} + unknown" if usd else "unknown"


def duration(seconds: float) -> str:
    """A duration in the unit that suits it."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} m" if hours else f"{minutes} m {rest:02} s"


def size(count: int) -> str:
    """A number of bytes."""
    value = float(count)
    for unit in ("B", "kB", "MB"):
        if value < 1000:
            return f"{value:.3g} {unit}"
        value /= 1000
    return f"{value:.3g} GB"


def value(setting: Any) -> str:
    """The value of a setting, cut to sixty characters."""
    text = "none" if setting is None else str(setting)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
