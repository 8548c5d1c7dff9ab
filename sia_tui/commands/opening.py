"""`sia` alone: the app, or, where no screen can be drawn, what there is to look at."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

import click

from sia_tui.cli.options import Shared, default_workspace, full_screen


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
    from sia_tui.app.model.sources import recording
    from sia_tui.commands.reading import list_runs

    if shared.workspace.log.is_file():
        with contextlib.closing(shared.workspace.reader()) as reader:
            list_runs(shared, reader)
    else:
        click.echo("This workspace has no runs. Start one with:  sia run lawbench")
    shipped = recording()
    for path in [*files, *([shipped] if shipped else [])]:
        with contextlib.closing(Reader.open(path)) as reader:
            for run in reader.runs():
                name = "recorded with sia" if path == shipped else path.name
                click.echo(
                    f"{name}: {run.name}, {run.domain}, {run.head_n} events; `sia replay --file {path}` shows it"
                )
    click.echo("`sia --help` lists the commands; in a terminal, `sia` is a full-screen app.")
