"""replay, verify, rebuild: is the past what the log says it was?"""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import Any

import click

from sia_tui.options import Shared, common, plain, print_json


@click.command("replay")
@click.argument("reference", metavar="RUN", default="last")
@click.option("--file", "file", type=click.Path(path_type=Path), help="A log elsewhere, also on read-only media.")
@click.option("--verify", "check", is_flag=True, help="Recompute decisions, gates, digests and commit ids.")
@click.option("--speed", type=float, default=0.0, help="Times as fast as it was; 0 is at once.  [default: 0]")
@common
def replay(reference: str, file: Path | None, check: bool, speed: float, shared: Shared) -> None:
    """RUN as it went, from its log alone; with --verify, recomputed and compared.

    Example: sia replay last --verify
    """
    from engine.events.reader import Reader
    from engine.loop.replay import states, verify

    with contextlib.closing(Reader.open(file) if file else shared.workspace.reader()) as reader:
        run = reader.find(reference)
        if not check:
            _render(states(reader, run.run), speed)
            return
        found = verify(reader, run.run)
    if shared.as_json:
        import msgspec

        print_json(msgspec.to_builtins(found))
    elif (at := found.diverged_at) is None:
        click.echo(f"{run.name}: identical, {found.events} events recomputed.")
    else:
        click.echo(f"{run.name}: diverges at event {at.n}.\nexpected: {plain(at.expected)}\n     got: {plain(at.got)}")
    if not found.identical:
        raise click.exceptions.Exit(1)


def _render(steps: Any, speed: float) -> None:
    from rich.console import Console

    from sia_tui.progress import milestone

    console = Console(highlight=False, soft_wrap=True)
    before: int | None = None
    for event, _ in steps:
        if (text := milestone(event, event.payload)) is not None:
            if speed > 0 and before is not None:
                time.sleep(min(10.0, (event.at - before) / 1e6 / speed))
            before = event.at
            console.print(f"{event.n:>6}  {text}")


@click.command("verify")
@click.option("--file", "file", type=click.Path(path_type=Path), help="A log elsewhere, without its repository.")
@common
def verify(file: Path | None, shared: Shared) -> None:
    """Check the whole log: hash chain, blobs, tips, and that every commit is reachable.

    Example: sia verify
    """
    from engine.events.reader import Reader
    from engine.loop.audit import verify as audit

    with contextlib.closing(Reader.open(file) if file else shared.workspace.reader()) as reader:
        found = audit(reader, None if file else shared.workspace)
    if shared.as_json:
        import msgspec

        print_json(msgspec.to_builtins(found))
    else:
        for problem in found.problems:
            click.echo(plain(problem))
        click.echo(f"{found.events} events: {'whole' if found.ok else f'{len(found.problems)} problems'}.")
    if not found.ok:
        raise click.exceptions.Exit(1)


@click.command("rebuild")
@common
def rebuild(shared: Shared) -> None:
    """Drop the derived tables and refill them from the events.

    Example: sia rebuild
    """
    from engine.events.connection import explained, open_writer
    from engine.events.readmodels import rebuild as refill

    place = shared.workspace
    place.reader().close()  # a workspace without a log is not given an empty one
    with contextlib.closing(open_writer(place.log)) as db, explained(place.log):
        count = refill(db)
    if shared.as_json:
        print_json({"events": count})
    else:
        click.echo(f"refilled from {count} events.")
