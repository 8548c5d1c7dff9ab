"""Asking the agent of a run about it: the question goes through the command line, the answer is an event's page."""

from __future__ import annotations

from engine.events import types as t
from sia_tui.app.actions import engine_start
from sia_tui.app.actions.new_run import named_by_log
from sia_tui.app.rows.row import Target
from sia_tui.app.screens.dialogs import Prompt
from sia_tui.app.screens.main import MainScreen


async def ask(main: MainScreen) -> None:
    """Asks for a question, waits for the answer, and opens the page of its event; `SiaError` if nobody can answer."""
    from engine.loop.talk import check, with_model

    cursor = main.navigator.cursor
    if cursor is None:
        return
    with_model(cursor.snapshot.state.settings, "", "")  # before the question is written: who cannot answer says so
    about = "the agent reads the run and answers: its calls cost what such calls cost, and nothing else changes"
    text = await main.app.push_screen_wait(Prompt(f"a question about {cursor.snapshot.state.name}", about, check=check))
    if text is None:
        return
    words = ["talk", cursor.run_id, text.strip().lstrip("-")]  # what begins with a hyphen would be an option
    if await engine_start.start_engine(main, words, named_by_log(cursor)):
        _show_answer(main)


def _show_answer(main: MainScreen) -> None:
    cursor = main.navigator.cursor
    if cursor is None:
        return
    for event in reversed(cursor.snapshot.reader.own(cursor.run_id)):
        if isinstance(event.payload, t.RunTalked):
            main.show_page(Target("event", event.n))
            return
