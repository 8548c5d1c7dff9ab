"""The path at the top of the screen: log, run, generation, pane, pages; and the notes behind it."""

from __future__ import annotations

from sia_tui.app.navigator.navigator import Navigator
from sia_tui.app.navigator.place import Pane
from sia_tui.app.rows.row import Target


def breadcrumbs(navigator: Navigator) -> list[str]:
    """The path to where the user is."""
    cursor = navigator.cursor
    if cursor is None:
        return ["sia"]
    path = [cursor.source.label, cursor.snapshot.state.name or cursor.run_id]
    if navigator.generation:
        path.append(f"generation {navigator.generation}")
    if navigator.pane == Pane.TIMELINE:
        path.append("timeline")
    if navigator.pane == Pane.INSPECTOR:
        names = [page_name(target) for target in navigator.pages.targets]
        path += names[1:] if names[:1] in ([path[-1]], ["run"]) else names
    return path


def urgent_note(navigator: Navigator) -> str:
    """What the user must know about the selected run, with the remedy; empty where all is well."""
    return "Engine died. p to resume" if navigator.status == "interrupted" else ""


def empty_note(navigator: Navigator) -> str:
    """Why no run is selected; empty where one is."""
    if navigator.cursor is not None:
        return ""
    return "reading ..." if navigator.sources.loading else "No runs yet. n to start one"


def page_name(target: Target) -> str:
    """A page in a word or two."""
    match target.kind:
        case "diff" | "answers":
            return f"{target.kind} {target.first}-{target.second}"
        case "file":
            return str(target.second)
        case "run" | "training" | "compare" | "isolation":
            return target.kind
        case "blob":
            return f"blob {str(target.first)[:8]}"
        case _:
            return f"{target.kind} {target.first}" if target.first else target.kind
