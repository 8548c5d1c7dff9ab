"""Pausing, resuming and stopping a run, approving its candidates, hints to its agent, and reading its test split."""

from __future__ import annotations

import asyncio
import shutil
from typing import TYPE_CHECKING

from engine.errors import SiaError
from engine.events import readings
from engine.events import types as t
from sia_tui.app.actions import engine_start, setting_fields
from sia_tui.app.actions.new_run import engine_form, named_by_log, options
from sia_tui.app.navigator.run_cursor import RunCursor
from sia_tui.app.rows.lineage_graph import run_target
from sia_tui.app.screens.dialogs import Confirm, Prompt
from sia_tui.app.screens.form_field import Values
from sia_tui.app.screens.main import MainScreen
from sia_tui.cli.formats import STEP_NAMES, plural

if TYPE_CHECKING:
    from engine.core.state import State
    from engine.loop.control_socket import PauseKind
    from sia_tui.app.screens.form import Form

BY = "a person"
"""Who asks, in the events of the run."""
TRIES, RETRY_S = 20, 0.25
"""An engine that has just started does not listen yet."""
READ_TRIES = 240
"""So often it is asked whether the engine has read an edit, which it does before its next step."""


async def pause_or_resume(main: MainScreen) -> None:
    """Asks a live engine to pause; resumes a run that is not running."""
    from engine.core.decide import gave_up

    cursor = main.navigator.cursor
    if cursor is None:
        return
    if main.navigator.status_now == "running":
        await _request(main, cursor, "pause")
        return
    state = cursor.at_head_snapshot.state
    if main.navigator.status_now == "finished" and not gave_up(state):
        await main.app.push_screen_wait(_resume_form(main, cursor, state))
    else:
        await engine_start.start_engine(main, ["resume", cursor.run_id], named_by_log(cursor))


def _resume_form(main: MainScreen, cursor: RunCursor, state: State) -> Form:
    fields = setting_fields.limit_fields(state.settings)

    def command(values: Values) -> list[str]:
        return ["resume", cursor.run_id, *options(values)]

    def check(values: Values) -> None:
        if not values:
            raise SiaError("nothing is changed, and the run is finished", "raise the generations or a budget")

    intro = ["To resume it, raise the generations or a budget."]
    return engine_form(main, f"{state.name} is finished", intro, fields, command, named_by_log(cursor), check)


async def stop(main: MainScreen) -> None:
    """Asks a live engine to stop, once the user has confirmed it."""
    cursor = main.navigator.cursor
    if cursor is None:
        return
    state = cursor.snapshot.state
    effects = [f"{state.name} stops after event {cursor.head:,}; `sia resume` continues it"]
    if step := state.open_step:
        effects.append(f"{STEP_NAMES[step.kind]} is abandoned; {plural(step.evaluations, 'result')} of it stay")
    if await main.app.push_screen_wait(Confirm(f"Stop {state.name}?", effects)):
        await _request(main, cursor, "stop")


async def approve(main: MainScreen) -> None:
    """Shows the candidate that needs approval, and gives the user's decision to the engine."""
    from engine.loop.approval import give
    from engine.loop.control_socket import Approval
    from sia_tui.app.screens.approval import DONE, ApprovalScreen, Decision
    from sia_tui.app.screens.harness_editor import Edited, HarnessEditor

    _go_to_waiting(main)
    cursor = main.navigator.cursor
    number = cursor.snapshot.state.awaiting if cursor else None
    if cursor is None or number is None:
        return
    snapshot = cursor.snapshot
    version = snapshot.state.versions[number]
    decision: Decision | None = await main.app.push_screen_wait(ApprovalScreen(snapshot, number))
    if decision is None:
        return
    folder, head = "", cursor.head
    if decision.answer == "edit":
        files = {path: snapshot.reader.blob(name) for path, name in version.files.items()}
        editor = HarnessEditor(f"candidate {number}", files, "Execute it")
        edited: Edited | None = await main.app.push_screen_wait(editor)
        if edited is None:
            return
        folder = str(edited.folder)
    approval = Approval(decision.answer, BY, decision.reason, folder, version.commit)
    try:
        name = await asyncio.to_thread(give, main.navigator.sources.workspace, cursor.run_id, approval)
    except SiaError:
        if folder:
            _say_where(main, folder)
        raise
    main.notify(f"Candidate {number} of {name} {DONE[decision.answer]}", markup=False)
    if folder:
        await _remove_once_recorded(main, cursor, head, folder)


async def _remove_once_recorded(main: MainScreen, cursor: RunCursor, head: int, folder: str) -> None:
    """Removes an edit's folder once the edit is recorded behind event `head`: the engine has read it then.

    It stays where somebody else's answer came first.
    """
    for _ in range(READ_TRIES):
        given = cursor.source.reader.of_type_in(cursor.run_id, t.ApprovalGiven.type, after=head, until=1 << 62)
        answers = [event.payload.answer for event in given if isinstance(event.payload, t.ApprovalGiven)]
        if "edit" in answers:
            shutil.rmtree(folder, ignore_errors=True)
            return
        if answers:
            break
        await asyncio.sleep(RETRY_S)
    _say_where(main, folder)


def _say_where(main: MainScreen, folder: str) -> None:
    main.notify(f"The edited files stay in {folder}", markup=False)


def _go_to_waiting(main: MainScreen) -> None:
    """Shows the run that waits where the one that is shown does not, at its newest event."""
    navigator = main.navigator
    if not navigator.awaits and (waiting := navigator.waiting_elsewhere):
        navigator.record_place()
        main.show_row(run_target(waiting[0].label, waiting[0].run))
        main.lineage.select_row(navigator.selection)
    if navigator.cursor is not None and not navigator.cursor.at_head and navigator.awaits:
        main.go_to(None)


async def hint(main: MainScreen) -> None:
    """Asks for a person's words to the agent, and records them."""
    from engine.loop.control_socket import Hint
    from engine.loop.hint import check, give

    cursor = main.navigator.cursor
    if cursor is None:
        return
    runs = main.navigator.status_now in ("running", "starting")
    when = "from its next Analysis on" if runs else "from its next Analysis on, if the run is resumed"
    about = f"what the agent should know: it reads this {when}"
    text = await main.app.push_screen_wait(Prompt(f"a hint for {cursor.snapshot.state.name}", about, check=check))
    if text is not None:
        _, when = await asyncio.to_thread(give, main.navigator.sources.workspace, cursor.run_id, Hint(text, BY))
        main.notify(f"{when}.", markup=False)


async def unseal(main: MainScreen) -> None:
    """Reads the test split, once the user has confirmed it."""
    cursor = main.navigator.cursor
    if cursor is None:
        return
    state = cursor.snapshot.state
    count = len(readings.known(cursor.snapshot.reader, state.domain.digest))
    instances = plural(state.domain.counts.get("test", 0), "test instance")
    effects = [
        f"the candidate of generation {state.incumbent} and the baselines run on {instances}",
        f"this machine knows of {plural(count, 'earlier reading')} of this split; this one is counted too",
        "every look weakens the test; this cannot be undone",
    ]
    if await main.app.push_screen_wait(Confirm(f"Read the test split of {state.domain.name}?", effects, final=True)):
        await engine_start.start_engine(main, ["test", cursor.run_id], named_by_log(cursor))


async def _request(main: MainScreen, cursor: RunCursor, kind: PauseKind) -> None:
    """Sends a request to a live engine."""
    from engine.loop.control_socket import PauseRequest, send

    workspace = main.navigator.sources.workspace
    for _ in range(TRIES):
        if await asyncio.to_thread(send, workspace.path, cursor.run_id, PauseRequest(kind, BY)):
            main.notify(f"Asked the engine to {kind}")
            return
        await asyncio.sleep(RETRY_S)
    main.fail(SiaError("no engine answers", "wait a moment, or press p to resume the run"))
