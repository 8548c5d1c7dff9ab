"""What came of a run: its status, its best score, and the commands that come back to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.plain import plural, with_error
from engine.queries import present_val
from sia_tui.cli.formats import checked

if TYPE_CHECKING:
    from engine.core.state import State

_RESUMED = ("paused", "interrupted", "stopped", "failed")
"""Runs with these statuses go on with `sia resume`."""


def outcome(name: str, state: State, status: str, *, option: str = "", sealed: str = "") -> list[str]:
    """Lines on a run called `name`; `option` is added to each command, ` --workspace W`.

    `sealed` is the command that opens a log to which nothing can be added, where the run is in one.
    """
    waits = status == "running" and state.awaiting is not None
    said = f"waits for your approval of candidate {state.awaiting}" if waits else f"is {status}"
    lines = [f"{name} {said}; {_best(state)}."]
    if sealed:
        return [*lines, f"`{sealed}` shows it again."]
    if waits:
        lines.append(f"`sia approve {name}{option}` shows the candidate and takes your answer.")
    elif status == "running":
        lines.append(f"It goes on without the app; `sia pause {name}{option}` pauses it.")
    elif status in _RESUMED:
        lines.append(f"`sia resume {name}{option}` goes on from there.")
    return [*lines, f"`sia{option}` opens the app again, `sia show {name}{option}` prints its report."]


def _best(state: State) -> str:
    best = state.of(state.incumbent).execution if state.incumbent else None
    if best is None or "val" not in best.scores:
        return "no candidate is accepted yet"
    if present_val.all_failed(best):
        return f"all {plural(best.evaluations + best.reused, 'result')} of generation {state.incumbent} failed"
    val = best.scores["val"]
    beside = checked(val.score, best.private)
    return f"best {with_error(val.score, val.se, val.n)} on val{beside}, of generation {state.incumbent}"
