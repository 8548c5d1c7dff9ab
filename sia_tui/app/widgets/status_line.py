"""The status line: what waits for a person, what the selected run is doing, and how long that will take."""

from __future__ import annotations

import time

from engine.core import budget
from engine.core.state import State
from engine.grading.live_work import Work
from engine.queries import present_val
from engine.queries.progress.progress import Progress
from sia_tui.app.navigator.navigator import Navigator
from sia_tui.app.navigator.run_cursor import RunCursor
from sia_tui.app.rows.units import format_duration, format_score
from sia_tui.app.widgets.bars import Bar
from sia_tui.cli.formats import amount, checked
from sia_tui.cli.standing import words

_STATUS_STYLES = {"running": "bold green", "interrupted": "bold red", "failed": "bold red", "paused": "yellow"}
CLOCK_S = 0.5
"""Seconds between two looks at the clock: it shows every second."""
StyledPart = tuple[str, str]


class StatusLine(Bar):
    """The most important first: who waits, status, step, how far, time left, score, spend, budgets, isolation."""

    DEFAULT_CSS = "StatusLine { background: $panel; }"

    def __init__(self, navigator: Navigator) -> None:
        super().__init__(markup=False)
        self._navigator = navigator
        self._following = True

    def on_mount(self) -> None:
        """Begins to look at the clock."""
        self.set_interval(CLOCK_S, self._tick)

    def _tick(self) -> None:
        """Draws the line where the time on it goes on."""
        if self._navigator.live:
            self.fill(following=self._following)

    def fill(self, *, following: bool) -> None:
        """Draws the line."""
        self._following = following
        navigator = self._navigator
        cursor = navigator.cursor
        if cursor is None:
            self.draw_parts(["no run is selected"])
            return
        live = navigator.live
        now_us = time.time_ns() // 1000 if live else cursor.time
        style = _STATUS_STYLES.get(navigator.status, "") if cursor.at_head else ""
        dead = cursor.at_head and navigator.status == "interrupted"
        parts: list[StyledPart] = [
            *waiting_parts(navigator),
            (standing(navigator, cursor), style),
            *progress_parts(cursor.progress, cursor.time, now_us, navigator.work if live else None, dead=dead),
            *state_parts(cursor.snapshot.state),
            (view(cursor, following=following, live=live), ""),
        ]
        first, its_style = parts[0]
        self.draw_parts([(f" {first}", its_style), *parts[1:]])


def standing(navigator: Navigator, cursor: RunCursor) -> str:
    """The run's status; at a past event, that it is one: what the run was doing then goes on no more."""
    if cursor.at_head:
        return navigator.status
    return "replaying" if cursor.playing else "past event"


def view(cursor: RunCursor, *, following: bool, live: bool) -> str:
    """Whether what is shown goes on with the run."""
    if not live:
        return f"event {cursor.n:,}"
    return "following" if following else "view paused"


def waiting_parts(navigator: Navigator) -> list[StyledPart]:
    """What waits for a person: the candidate of the selected run, else the other runs."""
    state = navigator.cursor.at_head_snapshot.state if navigator.cursor else None
    if state is not None and navigator.awaits:
        style = "bold red" if state.held else "bold yellow"
        return [(f"Candidate {state.awaiting} needs your approval (a)", style)]
    waiting = navigator.waiting_elsewhere
    names = ", ".join(one.name for one in waiting[:2]) + (f" and {len(waiting) - 2} more" if len(waiting) > 2 else "")
    verb = "waits" if len(waiting) == 1 else "wait"
    return [(f"{names} {verb}: a", "bold yellow")] if waiting else []


def progress_parts(
    found: Progress, at_us: int, now_us: int, work: Work | None = None, *, dead: bool = False
) -> list[StyledPart]:
    """What the run is doing, how far it is, and how long that will take; `work` is what no event says of it.

    Where its engine is `dead`, nothing takes time.
    """
    step_time = "" if dead else words.step_time(found, at_us, now_us)
    run_time = "" if dead else words.run_time(found, at_us, now_us)
    if step_time.endswith(" left"):  # said once, so that both stand on 80 columns
        run_time = run_time.removesuffix(" left")
    waits = found.doing in ("server", "approval")
    parts = [
        (words.phase(found), "bold yellow" if waits else "bold"),
        (words.waited(found, now_us), "yellow"),
        (words.amount(found), ""),
        (words.failures(found), "bold red"),
        (step_time, ""),
        (run_time, ""),
        (words.work(work, now_us) if work else "", ""),
        (words.bar(found.share), ""),
        (words.score(found), ""),
        (found.reason if found.doing == "server" else "", "yellow"),
    ]
    return [part for part in parts if part[0]]


def state_parts(state: State) -> list[StyledPart]:
    """What the line says of a state beside its progress, as (text, style) pairs."""
    parts: list[StyledPart] = []
    level = str(state.isolation.get("level") or "?")
    if level == "none":
        parts.append((f"sandbox {level}", "bold red"))
    done = state.current.execution if state.current else None
    if done is not None and (failed := sum(done.failures.values())):
        results = done.evaluations + done.reused
        style = "bold red" if present_val.all_failed(done) else "red"
        parts.append((f"{failed:,}/{results:,} failed (X)", style))
    best = state.of(state.incumbent).execution if state.incumbent else None
    if best and not present_val.all_failed(best) and (val := present_val.score(state)):
        beside = checked(val.score, best.private) if val is best.scores.get("val") else ""  # else of another val
        parts.append((f"best {format_score(val.score, val.se, val.n)}{beside}", ""))
    if state.current:
        parts.append((f"lever {state.current.candidate.lever or 'none'}", ""))
    if state.spent.evaluations or state.spent.seconds:
        parts.append((f"{state.spent.evaluations:,} executed, {format_duration(state.spent.seconds)}", ""))
    for name, (spent, cap) in budget.spending(state).items():
        parts.append((f"{name} {amount(spent)}/{amount(cap)}", "yellow" if cap and spent >= 0.8 * cap else ""))
    if level != "none":
        parts.append((f"sandbox {level}", ""))
    return parts
