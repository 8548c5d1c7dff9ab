"""The actions by id. The ids, their keys and what they mean to the user stand in `sia_tui.app.keys`."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import partial

from sia_tui.app.screens.main import Action, MainScreen


class _Module:
    """A module of this package, which is imported when one of its actions is first performed."""

    def __init__(self, name: str) -> None:
        self._name = f"{__package__}.{name}"

    def __getattr__(self, function: str) -> Callable[..., object]:
        def perform(main: MainScreen, **arguments: object) -> object:
            return getattr(importlib.import_module(self._name), function)(main, **arguments)

        return perform


agent_setup, new_run, outside, pages = map(_Module, ("agent_setup", "new_run", "outside", "pages"))
places, run_control, talk, timeline = map(_Module, ("places", "run_control", "talk", "timeline"))
manage_runs, run_list, search = map(_Module, ("manage_runs", "run_list", "search"))

ACTIONS: dict[str, Action] = {
    "open": places.open_row,
    "close": places.close,
    "left": partial(places.move_pane, by=-1),
    "right": partial(places.move_pane, by=1),
    "back": partial(places.move_along_trail, by=-1),
    "forward": partial(places.move_along_trail, by=1),
    **{f"generation_{n}": partial(places.select_generation, n=n) for n in range(1, 10)},
    "filter": timeline.filter_or_search,
    "go": timeline.go_to,
    "fold": timeline.toggle_fold,
    "tail": timeline.follow,
    "hold": timeline.toggle_hold,
    "replay": timeline.toggle_replay,
    "slower": partial(timeline.change_speed, by=-1),
    "faster": partial(timeline.change_speed, by=1),
    "back_event": partial(timeline.step, by=-1),
    "next_event": partial(timeline.step, by=1),
    "back_gen": partial(timeline.step_generation, by=-1),
    "next_gen": partial(timeline.step_generation, by=1),
    "verdict": partial(pages.open_generation_page, kind="verdict"),
    "diff": pages.open_diff,
    "files": partial(pages.open_generation_page, kind="harness"),
    "analysis": partial(pages.open_generation_page, kind="analysis"),
    "map": partial(pages.open_run_page, kind="map"),
    "scores": partial(pages.open_run_page, kind="scores"),
    "training": partial(pages.open_run_page, kind="training"),
    "cases": partial(pages.open_generation_page, kind="cases"),
    "cost": partial(pages.open_run_page, kind="cost"),
    "isolation": partial(pages.open_run_page, kind="isolation"),
    "outside": outside.open_page,
    "sort": partial(pages.turn_table, part="sort"),
    "part": partial(pages.turn_table, part="shown"),
    "bisect": pages.open_bisect,
    "failure": pages.open_failure,
    "mark": pages.toggle_mark,
    "compare": pages.open_comparison,
    "branch": new_run.branch,
    "fork": new_run.fork,
    "edit": new_run.edit_and_fork,
    "new": new_run.start,
    "runs": run_list.show_list,
    "search": search.search_runs,
    "rename": manage_runs.rename,
    "note": manage_runs.note,
    "export": manage_runs.export,
    "import": manage_runs.import_run,
    "checkout": manage_runs.checkout,
    "delete": manage_runs.delete,
    "setup": agent_setup.choose,
    "pause": run_control.pause_or_resume,
    "stop": run_control.stop,
    "approve": run_control.approve,
    "hint": run_control.hint,
    "talk": talk.ask,
    "unseal": run_control.unseal,
    "copy": pages.copy,
    "wide": lambda main: main.panes.toggle_zoom(),
    "help": pages.show_help,
    "suspend": lambda main: main.app.action_suspend_process(),
    "quit": lambda main: main.app.exit(),
}
