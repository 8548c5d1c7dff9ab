"""What may be done, and why not; and that keys, actions and pages are the same sets everywhere they are named."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from engine.run.workspace import Workspace
from sia_tui.app import pages
from sia_tui.app.actions.table import ACTIONS
from sia_tui.app.keys import DIGITS, MAIN, NAMED
from sia_tui.app.model.sources import Sources, open_sealed
from sia_tui.app.navigator.availability import REQUIREMENTS, unavailable
from sia_tui.app.navigator.navigator import Navigator
from tests.unit.app.conftest import Screen

GOLDEN = sorted((Path(__file__).parents[2] / "golden").glob("*.db"))[0]
WITHOUT_A_RUN = {
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
}


def test_every_key_has_an_action_and_every_action_a_key() -> None:
    assert set(ACTIONS) == {key.id for key in (*MAIN, *NAMED, *DIGITS)}
    assert set(REQUIREMENTS) <= set(ACTIONS)


@pytest.mark.parametrize("builder", pages.BUILDERS.values())
def test_every_page_has_a_builder(builder: str) -> None:
    module, _, function = builder.partition(":")
    assert callable(getattr(importlib.import_module(f"sia_tui.app.pages.{module}"), function))


def test_every_slow_page_is_a_page() -> None:
    assert set(pages.BUILDERS) >= pages.SLOW


def test_without_a_run_only_what_needs_none_is_available(tmp_path: Path) -> None:
    sources = Sources(Workspace(tmp_path))
    navigator = Navigator(sources)
    assert unavailable("branch", navigator) == "the runs are still being opened; try again in a moment"
    sources.loading = False
    available = {action for action in ACTIONS if not unavailable(action, navigator)}
    assert available == WITHOUT_A_RUN
    assert unavailable("branch", navigator) == "there is no run here yet; n starts one"


def test_a_sealed_log_is_only_read(tmp_path: Path) -> None:
    sources = Sources(Workspace(tmp_path))
    sources.add(open_sealed(GOLDEN))
    navigator = Navigator(sources)
    found = navigator.default_run()
    assert found is not None
    navigator.select_run(*found)
    for action in ("pause", "stop", "approve", "unseal"):
        assert unavailable(action, navigator).startswith("this log is sealed")
    assert not unavailable("branch", navigator)
    assert not unavailable("fork", navigator)


def test_a_finished_run_is_branched_resumed_and_tested_but_not_stopped(navigator: Navigator, screen: Screen) -> None:
    reasons = {action: unavailable(action, navigator) for action in ACTIONS}
    assert {action for action, reason in reasons.items() if reason} == {
        "stop",
        "approve",
        "bisect",
        "compare",
        "sort",
        "part",
    }
    assert reasons["stop"] == "the run is not running: it is finished"
    assert reasons["approve"] == "no candidate needs approval"


def test_before_the_first_generation_there_is_nothing_to_open(navigator: Navigator) -> None:
    assert navigator.cursor is not None
    navigator.cursor.go_to(1)
    for action in ("verdict", "diff", "files", "analysis", "cases", "edit"):
        assert unavailable(action, navigator) == "no generation has started here"
    assert unavailable("branch", navigator) == "no generation has a verdict here"
    assert unavailable("unseal", navigator) == "no candidate has been accepted yet"


def test_at_a_past_event_an_engine_is_asked_for_what_it_can_do_now(navigator: Navigator) -> None:
    """The run was running at that event; the keys sent the user from one to the other."""
    assert navigator.cursor is not None
    navigator.cursor.go_to(navigator.cursor.head - 1)
    assert navigator.cursor.snapshot.state.status == navigator.status == "running"
    assert navigator.status_now == "finished"
    assert unavailable("stop", navigator) == "the run is not running: it is finished"
    assert not unavailable("unseal", navigator)
    assert not unavailable("pause", navigator)
