"""Managing runs: renaming, noting, exporting, importing, checking out and deleting one."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import Callable, Coroutine, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from engine.errors import SiaError
from engine.user_path import expanded
from sia_tui.app.actions.places import attach
from sia_tui.app.screens.dialogs import Confirm
from sia_tui.app.screens.form_field import FormField, Values
from sia_tui.app.screens.main import MainScreen
from sia_tui.cli.formats import plural

if TYPE_CHECKING:
    from engine.events.reader import Reader
    from sia_tui.app.navigator.run_cursor import RunCursor

Action = Callable[[MainScreen], Coroutine[Any, Any, None]]
FILE, FOLDER = "a .sia or .jsonl file", "a new or an empty folder"


def _of_selected_run(action: Callable[[MainScreen, RunCursor, str], Coroutine[Any, Any, None]]) -> Action:
    """The action on the run that is selected, which gets its cursor and its name; nothing where none is."""

    @functools.wraps(action)
    async def performed(main: MainScreen) -> None:
        if (cursor := main.navigator.cursor) is not None:
            await action(main, cursor, cursor.at_head_snapshot.state.name)

    return performed


@_of_selected_run
async def rename(main: MainScreen, cursor: RunCursor, name: str) -> None:
    """Gives the selected run another name."""
    from engine.transfer.annotations import rename as renamed

    def work(values: Values) -> str:
        if "name" not in values:
            raise SiaError("the name of the run is as it was", "type another name, or press esc")
        renamed(main.navigator.sources.workspace, cursor.run_id, values["name"])
        return f"{name} renamed to {values['name']}."

    fields = [FormField("name", name, "small letters, digits, . _ -")]
    await _ask(main, f"rename {name}", fields, lambda v: ["rename", name, v.get("name", "NAME")], work, "Rename")


@_of_selected_run
async def note(main: MainScreen, cursor: RunCursor, name: str) -> None:
    """Adds a note to the selected run."""
    from engine.transfer import annotations

    def work(values: Values) -> str:
        annotations.note(main.navigator.sources.workspace, cursor.run_id, values.get("note", ""))
        return f"{name}: note added."

    fields = [FormField("note", "", "stands on the page of the run")]
    await _ask(main, f"a note on {name}", fields, lambda v: ["note", name, v.get("note", "TEXT")], work, "Add")


@_of_selected_run
async def export(main: MainScreen, cursor: RunCursor, name: str) -> None:
    """Writes the selected run to a file."""
    from engine.transfer.export import check_target, export_run

    def work(values: Values) -> str:
        target = expanded(values.get("file", ""))
        check_target(target)
        with _own_reader(cursor) as reader:
            events = export_run(reader, reader.find(cursor.run_id), target, data=values.get("with-data") == "yes")
        return f"{name}: {plural(events, 'event')} in {target}."

    def command(values: Values) -> list[str]:
        data = ["--with-data"] if values.get("with-data") == "yes" else []
        return ["export", name, "-o", values.get("file", "FILE"), *data]

    fields = [
        FormField("file", "", FILE, suggestion=f"{name}.sia", is_path=True),
        FormField("with-data", "no", "logs, prompts and replies", choices=("no", "yes")),
    ]
    await _ask(main, f"export {name}", fields, command, work, "Export")


async def import_run(main: MainScreen) -> None:
    """Reads an exported run into the workspace, and shows it."""
    from engine.transfer import adapters
    from engine.transfer import run_import as imports

    workspace = main.navigator.sources.workspace
    taken: list[str] = []

    def work(values: Values) -> str:
        file = expanded(values.get("file", ""))
        found = imports.import_run(workspace, file)
        with contextlib.closing(workspace.reader()) as reader:
            adapters.unpack(reader, found.run, workspace, file)
        taken.append(found.run)
        return f"{found.name}: {plural(found.new, 'new event')} of {found.events:,}."

    fields = [FormField("file", "", "a .sia file; right arrow completes", is_path=True)]
    await _ask(main, "import a run", fields, lambda v: ["import", v.get("file", "FILE")], work, "Import")
    if taken:
        attach(main, taken[0])


@_of_selected_run
async def checkout(main: MainScreen, cursor: RunCursor, name: str) -> None:
    """Writes the best candidate of the selected run as a folder that runs without sia."""
    from engine.checkout import folder
    from engine.run import adapters

    def work(values: Values) -> str:
        if not values.get("folder"):
            raise SiaError("the new folder has no name", "type the name of a new folder")
        place = expanded(values["folder"])
        folder.check_empty(place)
        with _own_reader(cursor) as reader:
            number = int(values["generation"]) if values.get("generation") else None
            chosen = folder.load(reader, reader.find(cursor.run_id), number)
        weights = chosen.generation.candidate.weights
        adapter = adapters.read_files(main.navigator.sources.workspace.path, weights) if weights else None
        folder.write(place, folder.folder(chosen, None, adapter))
        return f"{place} holds generation {chosen.generation.n} of {name}; {place / 'README.md'} says how to run it."

    def command(values: Values) -> list[str]:
        of = ["--generation", values["generation"]] if values.get("generation") else []
        return ["checkout", name, "-o", values.get("folder", "FOLDER"), *of]

    fields = [
        FormField("folder", "", FOLDER, suggestion=f"{name}-best", is_path=True),
        FormField("generation", "", "empty: the best", rule=int),
    ]
    await _ask(main, f"check out a candidate of {name}", fields, command, work, "Write")


@_of_selected_run
async def delete(main: MainScreen, cursor: RunCursor, name: str) -> None:
    """Deletes the selected run, once the user has confirmed it."""
    from engine.transfer.removal import check_removable, remove

    run = check_removable(cursor.source.reader, cursor.run_id)
    effects = [
        f"{plural(run.head_n, 'event')}, its branch and its tags go; this cannot be undone",
        "what its lineage has spent of its account of error stays spent",
    ]
    if await main.app.push_screen_wait(Confirm(f"Delete {name}?", effects, final=True)):
        gone = await asyncio.to_thread(remove, main.navigator.sources.workspace, run.run)
        main.notify(f"{gone.name} deleted; `sia gc` frees the space.", markup=False)


async def _ask(
    main: MainScreen,
    title: str,
    fields: Sequence[FormField],
    command: Callable[[Values], Sequence[str]],
    work: Callable[[Values], str],
    button: str,
) -> None:
    """A form whose button does `work` on another thread, which returns what it has done."""
    from sia_tui.app.screens.form import Form

    async def submit(values: Values) -> bool:
        main.notify(await asyncio.to_thread(work, values), markup=False)
        return True

    await main.app.push_screen_wait(Form(title, [], fields, command=command, submit=submit, button=button))
    main.refresh_lineage()


@contextlib.contextmanager
def _own_reader(cursor: RunCursor) -> Iterator[Reader]:
    """A reader for another thread; that of a sealed file is shared, and stays open."""
    reader = cursor.source.new_reader()
    try:
        yield reader
    finally:
        if not cursor.source.sealed:
            reader.close()
