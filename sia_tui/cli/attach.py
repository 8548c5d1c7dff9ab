"""A command that works on a run, in a terminal: its engine is a process of its own, and the app opens on its run."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from sia_tui.cli.options import Shared, full_screen, plain


def opens_app(shared: Shared, *, plain_lines: bool) -> bool:
    """Whether this command, as it was called, is to be watched in the app."""
    return not (plain_lines or shared.headless or shared.as_json) and full_screen()


def attach(shared: Shared, arguments: Sequence[str] | None = None) -> None:
    """Starts the engine that `arguments` (this command line's) ask for, and opens the app once its run is in the log.

    Raises `SiaError` with the engine's own words where there is no run. Interrupted before that, it ends the engine.
    """
    from sia_tui.cli.engines import Starting

    starting = Starting(sys.argv[1:] if arguments is None else arguments, shared.workspace.path)
    try:
        while (run := starting.wait(0.2)) is None:
            click.echo(plain(starting.output()), err=True, nl=False)
    except KeyboardInterrupt:
        starting.give_up()
        raise
    open_app(shared, run)


def open_app(shared: Shared, run: str | None = None, files: Sequence[object] = ()) -> None:
    """The app on the workspace, on `run` where one is named; a line about what goes on when it is left."""
    import contextlib
    import gc
    from pathlib import Path

    gc.disable()  # nothing of what starting makes is garbage; the app collects again once its first screen is there
    from sia_tui.app.app import SiaApp

    app = SiaApp(shared.workspace, files=[Path(str(file)) for file in files], attach=run, greets=not (run or files))
    app.run()
    if shared.workspace.log.is_file():
        from sia_tui.commands.reading import status_of

        with contextlib.closing(shared.workspace.reader()) as reader:
            for row in reader.runs():
                if status_of(shared.workspace, row) == "running":
                    click.echo(f"{row.name} goes on; `sia` watches it, `sia pause {row.name}` lets it rest.")
