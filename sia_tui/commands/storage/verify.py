"""verify: the integrity of a log."""

from __future__ import annotations

import contextlib
from pathlib import Path

import click

from sia_tui.cli.formats import plural
from sia_tui.cli.options import Shared, UserPath, shared_options
from sia_tui.cli.output import echo, print_json


@click.command("verify")
@click.option("--file", "file", type=UserPath(), help="Check this log instead, without its repository.")
@click.option("--accept-loss", "lost", metavar="RUN", help="Go on without the events that RUN has lost.")
@shared_options
def verify(file: Path | None, lost: str | None, shared: Shared) -> None:
    """Check the whole log: hash chain, blobs, tips, and that every commit is reachable.

    Nothing is appended to a run that has lost events, unless you accept the loss; that is recorded.

    Example: sia verify
    """
    if file is not None and lost is not None:
        raise click.UsageError("--accept-loss is for a run of the workspace: leave --file out")
    from engine.events.reader import Reader
    from engine.queries.audit import verify as audit

    if lost is not None:
        from engine.transfer.losses import accept_loss

        accept_loss(shared.workspace, lost, by="a person")
    with contextlib.closing(Reader.open(file) if file else shared.workspace.reader()) as reader:
        found = audit(reader, None if file else shared.workspace)
    if shared.as_json:
        import msgspec

        print_json(msgspec.to_builtins(found))
    else:
        for problem in found.problems:
            echo(problem)
        for sentence in [*found.accepted, *found.unchecked]:
            echo(sentence)
        count = len(found.problems)
        echo(f"{plural(found.events, 'event')}: " + ("intact." if found.ok else f"{plural(count, 'problem')}."))
    if not found.ok:
        raise click.exceptions.Exit(1)
