"""import: a run from a file, or an adapter from a folder."""

from __future__ import annotations

import contextlib
from pathlib import Path

import click

from sia_tui.cli.formats import plural
from sia_tui.cli.options import Shared, UserPath, shared_options
from sia_tui.cli.output import echo, print_json


@click.command("import")
@click.argument("file", type=UserPath(), required=False)
@click.option(
    "--adapter",
    type=UserPath(),
    help="Import the LoRA adapter in this folder (PEFT's form) instead: it becomes the next candidate of a fork.",
)
@click.option("--run", "reference", help="Run to fork with --adapter.  [default: last]")
@shared_options
def import_(file: Path | None, adapter: Path | None, reference: str | None, shared: Shared) -> None:
    """Check the run in FILE, written by `sia export`, and import it into this workspace.

    Events that are already here are kept; adapters in FILE.adapters are imported too. If the name of the run is taken
    here, its id is appended.

    Example: sia import run.sia
    """
    if (file is None) == (adapter is None):
        raise click.UsageError("Name one FILE, or a folder with --adapter.")
    if file and reference:
        raise click.UsageError("--run goes with --adapter: a run in a FILE is imported as it is.")
    if file:
        _import_run(file, shared)
    elif adapter:
        _import_adapter(adapter, reference or "last", shared)


def _import_run(file: Path, shared: Shared) -> None:
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


def _import_adapter(folder: Path, reference: str, shared: Shared) -> None:
    import msgspec

    from engine.transfer.adapter_import import import_adapter

    made = import_adapter(shared.workspace, folder, reference)
    if shared.as_json:
        print_json(msgspec.to_builtins(made))
    else:
        echo(
            f"{made.name}, a fork of {made.parent}, tries the adapter {made.adapter[:12]} in generation "
            f"{made.generation}; start it with:  sia resume {made.name}"
        )
