"""note: a remark on a run."""

from __future__ import annotations

import click

from sia_tui.cli.options import Shared, shared_options
from sia_tui.cli.output import echo, print_json


@click.command("note")
@click.argument("reference", metavar="RUN")
@click.argument("text")
@shared_options
def note(reference: str, text: str, shared: Shared) -> None:
    """Add a note to RUN; `sia show` prints it.

    Example: sia note last "the data of May"
    """
    from engine.transfer.annotations import note as noted

    run = noted(shared.workspace, reference, text)
    if shared.as_json:
        print_json({"run": run.run, "text": text})
    else:
        echo(f"{run.name}: note added.")
