"""`sia` without a command, and the app on the run that a command starts."""

from __future__ import annotations

import contextlib
import gc
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sia_tui.cli.formats import plural
from sia_tui.cli.options import Shared, default_workspace
from sia_tui.cli.output import echo
from sia_tui.cli.recording import NAME, recording_of
from sia_tui.cli.runs import status_of

if TYPE_CHECKING:
    from engine.run.workspace import Workspace
    from sia_tui.app.app import SiaApp


def start(workspace: Path | None, files: Sequence[Path]) -> None:
    """`sia` without a command: opens the app on the workspace and the sealed `files`; without a screen, lists runs."""
    from engine.run.workspace import Workspace

    shared = Shared(Workspace(workspace or default_workspace()), as_json=False, headless=False)
    in_browser = bool(os.environ.get("TEXTUAL_DRIVER"))  # set by `sia serve`, which draws without a terminal
    if _has_screen() or in_browser:
        _open(shared, files=files)
    else:
        _print_runs(shared, files)


def opens_app(shared: Shared, *, plain_lines: bool) -> bool:
    """Whether a command that works on a run opens the app instead of printing lines."""
    return not (plain_lines or shared.headless or shared.as_json) and _has_screen()


def attach(shared: Shared) -> None:
    """Starts this command line again as an engine in its own process, and opens the app once its run is in the log.

    Raises `SiaError` with the engine's error if it ends without a run. Interrupted before that, it ends the engine.
    """
    from sia_tui.cli.processes.engine_process import EngineProcess

    engine = EngineProcess(sys.argv[1:], shared.workspace.path)
    try:
        while (run := engine.wait(0.2)) is None:
            echo(engine.output(), err=True, nl=False)
    except KeyboardInterrupt:
        engine.terminate()
        raise
    _open(shared, run)


def _has_screen() -> bool:
    """Whether the app can be drawn: a terminal at both ends that can move its cursor."""
    return sys.stdin.isatty() and sys.stdout.isatty() and os.environ.get("TERM", "dumb") not in ("dumb", "unknown")


def _open(shared: Shared, run: str | None = None, files: Sequence[Path] = ()) -> None:
    """Opens the app, on `run` if given; afterwards prints what came of the run it showed, and what still runs."""
    gc.disable()  # start-up creates no garbage; the app turns it on again after its first screen
    from sia_tui.app.app import SiaApp

    app = SiaApp(shared.workspace, files=files, attach=run, greets=not (run or files))
    try:
        app.run()
    finally:
        # Textual leaves the thread that reads keys alive if the terminal has gone, and Python would wait for it
        if exit_event := getattr(app._driver, "exit_event", None):
            exit_event.set()
    shown = _print_outcome(app, shared.workspace)
    if app.main.left_starting:
        echo("What was being started goes on without the app; `sia` shows it.")
    if shared.workspace.log.is_file():
        with contextlib.closing(shared.workspace.reader()) as reader:
            for row in reader.runs():
                if row.run != shown and status_of(shared.workspace, row) == "running":
                    echo(f"{row.name} is still running; `sia` shows it, `sia pause {row.name}` pauses it.")
    if app.return_code:
        sys.exit(app.return_code)


def _print_outcome(app: SiaApp, workspace: Workspace) -> str | None:
    """Prints what came of the run that the app showed last, and returns its id; None where it showed none."""
    import shlex

    from sia_tui.cli.outcome import outcome

    cursor = app.main.navigator.cursor
    if cursor is None:
        return None
    source = cursor.source
    cursor.catch_up()
    run = source.reader.find(cursor.run_id)
    state = cursor.at_head_snapshot.state
    sealed = ""
    if source.sealed:
        sealed = "sia" if source.label == NAME else f"sia --file {shlex.quote(str(source.path))}"
    option = (
        "" if workspace.path == default_workspace().absolute() else f" --workspace {shlex.quote(str(workspace.path))}"
    )
    for line in outcome(run.name, state, source.status(run), option=option, sealed=sealed):
        echo(line)
    return run.run


def _print_runs(shared: Shared, files: Sequence[Path]) -> None:
    import shlex

    from engine.events.reader import Reader
    from sia_tui.cli import welcome
    from sia_tui.commands.reading.ls import list_runs

    if shared.workspace.log.is_file():
        with contextlib.closing(shared.workspace.reader()) as reader:
            list_runs(shared, reader)
        if recording_of(shared.workspace, NAME):
            echo(f"sia comes with a recorded run; see it with:  sia show {NAME}")
    else:
        echo(welcome.lines())
    for path in files:
        with contextlib.closing(Reader.open(path)) as reader:
            for run in reader.runs():
                here = shlex.quote(str(path))
                echo(f"{path.name}: {run.name}, {run.domain}, {plural(run.head_n, 'event')}; sia replay --file {here}")
    echo("`sia --help` lists the commands; in a terminal, `sia` opens a full-screen app.")
