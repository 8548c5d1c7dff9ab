"""relink: where the task of a run lies, after it has moved."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import click

from sia_tui.cli.options import Shared, UserPath, shared_options
from sia_tui.cli.output import echo, print_json, say


@click.command("relink")
@click.argument("reference", metavar="RUN")
@click.argument("folder", metavar="[DIR]", required=False, type=UserPath())
@click.option("--data", type=UserPath(), help="Where its data lies now, for a run with --data.")
@shared_options
def relink(reference: str, folder: Path | None, data: Path | None, shared: Shared) -> None:
    """Name anew the folder DIR of the task of RUN, or its data, after it has moved.

    Code, data and splits must be the same: they are compared by digest.

    Example: sia relink last ~/tasks/tickets
    """
    from engine.transfer.relink import relink as relinked

    if folder is None and data is None:
        raise click.UsageError("Name DIR, --data, or both.")
    with contextlib.closing(shared.workspace.reader()) as reader:
        name = reader.find(reference).name
    domain = asyncio.run(relinked(shared.workspace, reference, say, folder=folder, data=data))
    if shared.as_json:
        print_json({"source": domain.source, "data": domain.data})
    else:
        echo(f"The task of {name} is {domain.source}" + (f", its data {domain.data}." if domain.data else "."))
