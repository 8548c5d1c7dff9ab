"""verify: the integrity of a log."""

from __future__ import annotations

import contextlib
from pathlib import Path

import click

from sia_tui.cli.options import Shared, shared_options
from sia_tui.cli.output import echo, print_json


@click.command("verify")
@click.option("--file", "file", type=click.Path(path_type=Path), help="Check this log instead, without its repository.")
@shared_options
def verify(file: Path | None, shared: Shared) -> None:
    """Check the whole log: hash chain, blobs, tips, and that every commit is reachable.

    Example: sia verify
    """
    from engine.events.reader import Reader
    from engine.queries.audit import verify as audit

    with contextlib.closing(Reader.open(file) if file else shared.workspace.reader()) as reader:
        found = audit(reader, None if file else shared.workspace)
    if shared.as_json:
        import msgspec

        print_json(msgspec.to_builtins(found))
    else:
        for problem in found.problems:
            echo(problem)
        count = len(found.problems)
        echo(f"{found.events} events: " + ("intact." if found.ok else f"{count} problem{'s' * (count > 1)}."))
    if not found.ok:
        raise click.exceptions.Exit(1)
