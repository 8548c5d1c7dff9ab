"""rm: remove a run."""

from __future__ import annotations

import contextlib
import sys

import click

from sia_tui.cli.formats import plural
from sia_tui.cli.options import Shared, shared_options
from sia_tui.cli.output import echo, print_json


@click.command("rm")
@click.argument("reference", metavar="RUN")
@click.option("--yes", is_flag=True, help="Do not ask.")
@shared_options
def rm(reference: str, yes: bool, shared: Shared) -> None:
    """Delete RUN: its events, branch and tags. A run that others were forked from cannot be deleted.

    Example: sia rm last
    """
    from engine.errors import SiaError
    from engine.transfer.removal import check_removable, remove

    with contextlib.closing(shared.workspace.reader()) as reader:
        run = check_removable(reader, reference)
    if not yes:
        if shared.headless or shared.as_json or not sys.stdin.isatty():
            raise SiaError(f"deleting {run.name} cannot be undone", "pass --yes to confirm")
        click.confirm(f"Delete {run.name} and its events?", abort=True)
    gone = remove(shared.workspace, run.run)
    if shared.as_json:
        print_json({"run": gone.run, "name": gone.name, "events": gone.events})
    else:
        echo(f"{gone.name} deleted, with {plural(gone.events, 'event')}; `sia gc` frees the space.")
