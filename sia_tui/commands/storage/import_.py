"""import: a run from a file."""

from __future__ import annotations

import contextlib
from pathlib import Path

import click

from sia_tui.cli.formats import plural
from sia_tui.cli.options import Shared, UserPath, shared_options
from sia_tui.cli.output import echo, print_json


@click.command("import")
@click.argument("file", type=UserPath())
@shared_options
def import_(file: Path, shared: Shared) -> None:
    """Check the run in FILE, written by `sia export`, and import it into this workspace.

    Events that are already here are kept; adapters in FILE.adapters are imported too. If the name of the run is taken
    here, its id is appended.

    Example: sia import run.sia
    """
    import msgspec

    from engine.transfer import adapters
    from engine.transfer.run_import import import_run

    taken = import_run(shared.workspace, file)
    with contextlib.closing(shared.workspace.reader()) as reader:
        adapters.unpack(reader, taken.run, shared.workspace, file)
    if shared.as_json:
        print_json(msgspec.to_builtins(taken))
    elif not taken.new:
        echo(f"{taken.name} is already here, with all of its {plural(taken.events, 'event')}.")
    else:
        echo(f"{taken.name}: {plural(taken.new, 'new event')} of {taken.events}; see it with:  sia show {taken.name}")
