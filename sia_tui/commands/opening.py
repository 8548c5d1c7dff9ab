"""`sia` alone: the app, or, where no screen can be drawn, what there is to look at."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Sequence
from pathlib import Path

import click

from sia_tui.cli.options import Shared, default_workspace, full_screen, plain
from sia_tui.cli.recording import NAME, recording_of


def opened(workspace: Path | None, files: Sequence[Path]) -> None:
    """Opens the app on the workspace and the sealed `files`."""
    from engine.run.workspace import Workspace

    shared = Shared(Workspace(workspace or default_workspace()), as_json=False, headless=False)
    if full_screen() or _in_browser():
        from sia_tui.cli.attach import open_app

        open_app(shared, files=files)
    else:
        _list(shared, files)


def _in_browser() -> bool:
    """Whether `sia serve` draws us: its driver speaks to a browser, not to a terminal."""
    import os

    return bool(os.environ.get("TEXTUAL_DRIVER"))


def _list(shared: Shared, files: Sequence[Path]) -> None:
    from engine.events.reader import Reader
    from sia_tui.cli import welcome
    from sia_tui.commands.reading import list_runs

    if shared.workspace.log.is_file():
        with contextlib.closing(shared.workspace.reader()) as reader:
            list_runs(shared, reader)
        if recording_of(shared.workspace, NAME):
            click.echo(f"The recorded run that comes with sia is shown by:  sia show {NAME}")
    else:
        click.echo(welcome.lines())
    for path in files:
        with contextlib.closing(Reader.open(path)) as reader:
            for run in reader.runs():
                here = shlex.quote(str(path))
                click.echo(
                    plain(f"{path.name}: {run.name}, {run.domain}, {run.head_n} events; sia replay --file {here}")
                )
    click.echo("`sia --help` lists the commands; in a terminal, `sia` is a full-screen app.")
