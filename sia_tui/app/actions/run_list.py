"""The list of all runs: one is shown, or something is done with it, and the list comes back."""

from __future__ import annotations

from sia_tui.app.actions import manage_runs, run_control, search
from sia_tui.app.actions.places import select_row
from sia_tui.app.rows.row import Target
from sia_tui.app.screens.main import MainScreen

_ACTIONS = {
    "rename": manage_runs.rename, "note": manage_runs.note, "export": manage_runs.export,
    "import": manage_runs.import_run, "checkout": manage_runs.checkout, "delete": manage_runs.delete,
    "hint": run_control.hint,
}  # fmt: skip


async def show_list(main: MainScreen) -> None:
    """Shows the list until a run, or an event of one, is chosen or the list is left."""
    from sia_tui.app.screens.run_list import Chosen, RunList

    sorting, folded = ("started", True), set[Target]()
    while True:
        screen = RunList(main.navigator, sorting, folded)
        chosen: Chosen | None = await main.app.push_screen_wait(screen)
        if chosen is None:
            return
        sorting = screen.sorting
        if chosen.action == "search":
            if await search.search_runs(main):
                return
            continue
        if chosen.run is not None:
            select_row(main, chosen.run)
        if chosen.action == "show":
            return
        if reason := main.unavailable(chosen.action):
            main.notify(reason, severity="warning")
        else:
            await main.finish(_ACTIONS[chosen.action](main))
