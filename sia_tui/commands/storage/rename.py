"""rename: another name for a run."""

from __future__ import annotations

import click

from sia_tui.cli.options import Shared, shared_options
from sia_tui.cli.output import echo, print_json


@click.command("rename")
@click.argument("reference", metavar="RUN")
@click.argument("name")
@shared_options
def rename(reference: str, name: str, shared: Shared) -> None:
    """Rename RUN to NAME, also in git.

    Example: sia rename last better
    """
    from engine.transfer.annotations import rename as renamed

    was = renamed(shared.workspace, reference, name)
    if shared.as_json:
        print_json({"run": was.run, "was": was.name, "name": name})
    else:
        echo(f"{was.name} renamed to {name}.")
