"""Which actions are available where the user is, and why the others are not."""

from __future__ import annotations

from collections.abc import Callable

from sia_tui.app.navigator.navigator import Navigator

Requirement = Callable[[Navigator], str]
"""Why an action is not available; empty where nothing stands in its way."""


_NO_RUNS = "there is no run here yet; n starts one"


def unavailable(action: str, navigator: Navigator) -> str:
    """Why an action, by its id in `keys`, is not available; empty where it is."""
    requirements = REQUIREMENTS.get(action, (_run,))
    return next((reason for requirement in requirements if (reason := requirement(navigator))), "")


def _run(navigator: Navigator) -> str:
    if navigator.cursor is not None:
        return ""
    return "the runs are still being opened; try again in a moment" if navigator.sources.loading else _NO_RUNS


def _writable(navigator: Navigator) -> str:
    sealed = navigator.cursor is not None and navigator.cursor.source.sealed
    return "this log is sealed; b or f continues the run in the workspace" if sealed else ""


def _generation(navigator: Navigator) -> str:
    return "" if navigator.current_generation else "no generation has started here"


def _judged_generation(navigator: Navigator) -> str:
    n = navigator.current_generation
    state = navigator.cursor.snapshot.state if navigator.cursor else None
    judged = n is not None and state and n <= len(state.generations) and state.of(n).verdict is not None
    return "" if judged else "no generation has a verdict here"


def _instance(navigator: Navigator) -> str:
    return "" if navigator.current_instance else "the cursor is not on an instance"


def _table(navigator: Navigator) -> str:
    shown = navigator.pages.target
    return "" if shown and shown.kind == "verdict" else "the page has no table to sort; v opens one"


def _comparable(navigator: Navigator) -> str:
    hint = "first mark (m) another run of this log, or another generation of this run"
    return "" if navigator.comparison() else hint


def _running(navigator: Navigator) -> str:
    status = navigator.status_now
    return "" if status == "running" else f"the run is not running: it is {status}"


def _not_running(navigator: Navigator) -> str:
    return "the run is running; pause it first (p)" if navigator.status_now in ("running", "starting") else ""


def _waiting_candidate(navigator: Navigator) -> str:
    if navigator.awaits or navigator.live_runs.waiting:  # the key leads to a run that waits
        return ""
    return _writable(navigator) or "no candidate needs approval"


def _incumbent(navigator: Navigator) -> str:
    accepted = navigator.cursor is not None and navigator.cursor.snapshot.state.incumbent
    return "" if accepted else "no candidate has been accepted yet"


_ALWAYS = (
    "open",
    "close",
    "left",
    "right",
    "back",
    "forward",
    "new",
    "setup",
    "runs",
    "import",
    "copy",
    "wide",
    "help",
    "suspend",
    "quit",
)
REQUIREMENTS: dict[str, tuple[Requirement, ...]] = {
    **dict.fromkeys(_ALWAYS, ()),
    "verdict": (_run, _generation),
    "diff": (_run, _generation),
    "files": (_run, _generation),
    "analysis": (_run, _generation),
    "cases": (_run, _generation),
    "bisect": (_run, _instance),
    "sort": (_run, _table),
    "part": (_run, _table),
    "compare": (_run, _comparable),
    "branch": (_run, _judged_generation),
    "edit": (_run, _generation),
    "pause": (_run, _writable),
    "stop": (_run, _writable, _running),
    "approve": (_run, _waiting_candidate),
    "hint": (_run, _writable),
    "rename": (_run, _writable),
    "note": (_run, _writable),
    "checkout": (_run, _incumbent),
    "delete": (_run, _writable, _not_running),
    "talk": (_run, _writable, _not_running),
    "unseal": (_run, _writable, _not_running, _incumbent),
}
"""Requirements by action id, in the order in which they are checked; any other action requires a run."""
