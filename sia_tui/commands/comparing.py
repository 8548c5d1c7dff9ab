"""diff: what changed between two candidates."""

from __future__ import annotations

import contextlib

import click

from sia_tui.commands.reading import opened
from sia_tui.options import Shared, common, plain, print_json


@click.command("diff")
@click.argument("reference", metavar="RUN")
@click.argument("old", type=int)
@click.argument("new", type=int)
@common
def diff(reference: str, old: int, new: int, shared: Shared) -> None:
    """What changed in the harness between generations OLD and NEW of RUN.

    Example: sia diff last 1 2
    """
    from engine.errors import SiaError
    from engine.loop.state import fold

    with opened(shared.workspace, reference) as (reader, run):
        versions = fold(reader.history(run.run)).versions
        for number in (old, new):
            if number not in versions:
                known = ", ".join(map(str, sorted(versions)))
                raise SiaError(f"{run.name} has no harness {number}", f"it has {known or 'none yet'}")
        with contextlib.closing(shared.workspace.repository()) as repository:
            text = repository.diff(versions[old].commit, versions[new].commit)
    if shared.as_json:
        print_json({"old": versions[old].commit, "new": versions[new].commit, "diff": text})
        return
    from rich.console import Console
    from rich.syntax import Syntax

    console = Console(highlight=False)
    if console.is_terminal:
        console.print(Syntax(plain(text), "diff", theme="ansi_dark", background_color="default"))
    else:
        click.echo(plain(text))
