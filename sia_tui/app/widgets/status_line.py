"""The status line: what the selected run is doing at the event that is shown."""

from __future__ import annotations

from engine.core import budget
from engine.core.state import State
from engine.queries import present_val
from sia_tui.app.navigator.navigator import Navigator
from sia_tui.app.navigator.run_cursor import RunCursor
from sia_tui.app.rows.units import format_duration, format_score
from sia_tui.app.widgets.bars import Bar
from sia_tui.cli.formats import STEP_NAMES

_STATUS_STYLES = {"running": "bold green", "interrupted": "bold red", "failed": "bold red", "paused": "yellow"}


class StatusLine(Bar):
    """Status, step, generation, lever, best score, spend, budgets, isolation, and whether the view follows the run."""

    DEFAULT_CSS = "StatusLine { background: $panel; }"

    def __init__(self, navigator: Navigator) -> None:
        super().__init__(markup=False)
        self._navigator = navigator

    def fill(self, *, following: bool) -> None:
        """Draws the line."""
        cursor, status = self._navigator.cursor, self._navigator.status
        if cursor is None:
            self.draw_parts(["no run is selected"])
            return
        parts = [(f" {status} ", _STATUS_STYLES.get(status, "")), *state_parts(cursor.snapshot.state)]
        parts.append((view(cursor, following=following), ""))
        self.draw_parts(parts)


def view(cursor: RunCursor, *, following: bool) -> str:
    """Whether what is shown goes on with the run."""
    if cursor.at_head:
        return "following" if following else "view paused"
    return "replaying" if cursor.playing else "past event"


def state_parts(state: State) -> list[tuple[str, str]]:
    """What the line says of a state, as (text, style) pairs: what a person must act on first."""
    parts: list[tuple[str, str]] = []
    if state.awaiting is not None:
        style = "bold red" if state.held else "bold yellow"
        parts.append((f"candidate {state.awaiting} needs your approval (a)", style))
    level = str(state.isolation.get("level") or "?")
    if level == "none":
        parts.append((f"sandbox {level}", "bold red"))
    if state.open_step:
        parts.append((STEP_NAMES[state.open_step.kind], ""))
    if state.current:
        parts.append((f"gen {state.current.n}/{state.settings.generations}", ""))
        parts.append((f"lever {state.current.candidate.lever or 'none'}", ""))
    if val := present_val.score(state):
        parts.append((f"best {format_score(val.score, val.se, val.n)}", ""))
    evaluations = state.spent.evaluations + state.spent.reused
    parts.append((f"{evaluations:,} evals, {format_duration(state.spent.seconds)}", ""))
    for name, (spent, cap) in budget.spending(state).items():
        parts.append((f"{name} {spent:,.4g}/{cap:,g}", "yellow" if cap and spent >= 0.8 * cap else ""))
    if level != "none":
        parts.append((f"sandbox {level}", ""))
    return parts
