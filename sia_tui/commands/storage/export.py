"""export: a run as one file."""

from __future__ import annotations

import contextlib
from pathlib import Path

import click

from sia_tui.cli import formats
from sia_tui.cli.options import Shared, UserPath, shared_options
from sia_tui.cli.output import echo, print_json
from sia_tui.cli.recording import reader_of


@click.command("export")
@click.argument("reference", metavar="RUN", default="last")
@click.option(
    "-o",
    "--output",
    "target",
    type=UserPath(),
    required=True,
    help="File to write: .sia (one sealed file) or .jsonl (one event per line).",
)
@click.option(
    "--with-data", is_flag=True, help="Include logs, prompts, replies and rollouts: they may hold text of instances."
)
@click.option("--with-adapters", is_flag=True, help="Copy the trained adapters to FILE.adapters.")
@shared_options
def export(reference: str, target: Path, with_data: bool, with_adapters: bool, shared: Shared) -> None:
    """Write RUN and all that its history needs to one self-contained file.

    Example: sia export last -o run.sia
    """
    from engine.transfer import adapters
    from engine.transfer.export import check_target, export_run

    check_target(target)
    with contextlib.closing(reader_of(shared.workspace, reference)) as reader:
        run = reader.find(reference)
        events = export_run(reader, run, target, data=with_data)
        if with_adapters:
            adapters.pack(reader, run.run, shared.workspace, target)
    size = target.stat().st_size
    if shared.as_json:
        print_json({"run": run.run, "file": str(target), "events": events, "bytes": size})
    else:
        echo(f"{run.name}: {formats.plural(events, 'event')} in {target}, {formats.size(size)}.")
