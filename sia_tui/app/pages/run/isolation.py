"""What kept the harnesses of a run apart from the machine, in words, as the run's first event records it."""

from __future__ import annotations

from typing import Any, cast

from engine.core.state import State
from sia_tui.app.model.snapshot import RunSnapshot
from sia_tui.app.rows.row import BLANK, Page, Row, Span, Target, Tone, heading, row
from sia_tui.app.rows.text import wrap

TONES: dict[str, Tone] = {"full": "good", "none": "bad"}
IN_SHORT = {
    "full": "harnesses reach none of your files, no network",
    "partial": "harnesses are contained, but something is missing",
    "none": "harnesses run with all your rights",
}
_IN_WORDS = {
    "full": "A harness runs in a sandbox: it sees an allow-list of files, no process of yours and no network, and has "
    "limits on time, memory, disk and processes. All of the protections below held when the run started.",
    "partial": "A harness is contained, but what is marked below is missing, or is only checked from time to time.",
    "none": "There is no sandbox: a harness can read and write whatever you can, and reaches the network.",
}
_NAMES = 24
"""The cells of a protection's mark and name."""
_UNKNOWN = "The log does not say whether a sandbox was there."


def level(state: State) -> str:
    """`full`, `partial` or `none`; empty where the log does not say."""
    return str(state.isolation.get("level") or "")


def build(snapshot: RunSnapshot, _target: Target, width: int) -> Page:
    """The level in words, and each protection."""
    state = snapshot.state
    found = level(state)
    rows: list[Row] = [
        row((found or "unknown", TONES.get(found, "warn"))), *wrap(_IN_WORDS.get(found, _UNKNOWN), width), BLANK,
    ]  # fmt: skip
    measures = cast("list[dict[str, Any]]", state.isolation.get("measures") or [])
    if measures:
        rows.append(heading("protections", "as found when the run started; sia doctor looks again"))
    return Page("isolation", rows + [line for one in measures for line in _measure(one, width)])


def _measure(one: dict[str, Any], width: int) -> list[Row]:
    held = bool(one.get("achieved"))
    told = wrap(str(one.get("how", "")), width - _NAMES, "dim")
    if not held and one.get("remedy"):
        told += wrap(str(one["remedy"]), width - _NAMES, "warn")
    first, *rest = told
    mark: Span = ("ok ", "good") if held else ("no ", "bad")
    below = [row(" " * _NAMES, *line.spans) for line in rest]
    return [row(mark, f"{one.get('name', '')!s:<{_NAMES - 3}}", *first.spans), *below]
