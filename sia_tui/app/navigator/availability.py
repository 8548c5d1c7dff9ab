"""Where keys lead from here, and why some lead nowhere at this moment."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING

from engine.errors import SiaError
from sia_tui.app.navigator.run_cursor import Watching
from sia_tui.app.rows import lineage
from sia_tui.app.rows.row import Target

if TYPE_CHECKING:
    from sia_tui.app.screens.main import MainScreen

_PLACES = "give an event's number, g3 for a generation, 14:03:20 for a time, or +90s after the start"


def find(watching: Watching, text: str) -> int | None:
    """The event that `text` names: a number, `g3`, a time of day, `+90s`; None is the head. Raises `SiaError`."""
    text = text.strip().replace(",", "")
    if text in ("", "end"):
        return None
    if text.isdecimal():
        if not 1 <= int(text) <= watching.outline.head:
            raise SiaError(f"there is no event {text}", f"this run has 1 to {watching.outline.head}")
        return int(text)
    if found := re.fullmatch(r"g(\d+)", text):
        n = watching.find_generation(int(found[1]))
        if n is None:
            raise SiaError(f"this run has no generation {found[1]}", _PLACES)
        return n
    if found := re.fullmatch(r"\+(\d+(?:\.\d+)?)([smh]?)", text):
        seconds = float(found[1]) * {"s": 1, "": 1, "m": 60, "h": 3600}[found[2]]
        return watching.at_time(watching.first_time + seconds * 1e6)
    if found := re.fullmatch(r"(\d{1,2}):(\d{2})(?::(\d{2}))?", text):
        hour, minute, second = int(found[1]), int(found[2]), int(found[3] or 0)
        if hour < 24 and minute < 60 and second < 60:
            day = datetime.fromtimestamp(watching.first_time / 1e6).astimezone()
            wanted = day.replace(hour=hour, minute=minute, second=second, microsecond=999_999).timestamp() * 1e6
            return watching.at_time(wanted if wanted >= watching.first_time else wanted + 86_400e6)
    raise SiaError(f"{text!r} is no place in this run", _PLACES)


def crumb(target: Target) -> str:
    """A page in a word."""
    match target.kind:
        case "run":
            return "run"
        case "diff":
            return f"diff {target.first}-{target.second}"
        case "answers":
            return f"answers {target.first}-{target.second}"
        case "file":
            return str(target.second)
        case "map" | "scores" | "cost" | "training" | "compare":
            return target.kind
        case "blob":
            return f"contents {str(target.first)[:8]}"
        case _:
            return f"{target.kind} {target.first}"


def here(main: MainScreen) -> Target | None:
    """The row of the lineage that is selected."""
    watching = main.watching
    if watching is None:
        return None
    if main.generation:
        return Target("knot", f"{watching.run}:{main.generation}", watching.source.label)
    return Target("run", watching.run, watching.source.label)


def comparison(main: MainScreen) -> Target | None:
    """What `c` compares: two marks, or one mark and what is selected; None where these are no two of a kind."""
    watching, selected = main.watching, here(main)
    if watching is None or selected is None:
        return None
    pair = main.marks if len(main.marks) == 2 else [*main.marks, selected]
    if len(pair) != 2 or pair[0] == pair[1] or any(one.second != watching.source.label for one in pair):
        return None
    first, second = pair
    if first.kind == second.kind == "run":
        return Target("compare", str(first.first), str(second.first))
    if first.kind == second.kind == "knot":
        (run, old), (other, new) = lineage.knot_of(first), lineage.knot_of(second)
        if run == other == watching.run:
            return Target("compare", *sorted((old, new)))
        return Target("compare", run, other)
    return None


def why_not(main: MainScreen, action: str) -> str:
    """Why `action` cannot be done now; empty where it can."""
    watching = main.watching
    if action not in _NEEDS_RUN:
        return ""
    if watching is None:
        return "there is no run here yet; n starts one"
    state, sealed = watching.moment.state, watching.source.sealed
    status = main.status
    match action:
        case "pause" | "stop" | "approve" | "unseal" if sealed:
            return "this is a sealed file; b or f goes on with it in the workspace"
        case "branch":
            n = main.generation_here
            judged = n is not None and n <= len(state.generations) and state.of(n).verdict is not None
            return "" if judged else "no generation has been judged here yet"
        case "verdict" | "analysis" | "cases" | "files" | "diff" | "edit":
            return "" if main.generation_here else "no generation has begun here yet"
        case "bisect":
            return "" if main.instance_here else "the cursor is on no instance"
        case "compare":
            return (
                "" if comparison(main) else "mark (m) another run, or another generation of this run, of the same log"
            )
        case "stop":
            return "" if status == "running" else f"no engine is working on it: it is {status}"
        case "approve":
            return "" if state.asked is not None else "no candidate waits for a word"
        case "unseal":
            if status == "running":
                return "its engine is at work; pause it first"
            return "" if state.incumbent else "no candidate has been accepted yet"
        case _:
            return ""


_NEEDS_RUN = {
    "filter", "go", "fold", "tail", "hold", "replay", "speed", "step", "step_generation", "verdict", "diff", "files",
    "analysis", "cases", "page", "bisect", "mark", "compare", "branch", "fork", "edit", "pause", "stop", "approve",
    "unseal", "generation",
}  # fmt: skip
