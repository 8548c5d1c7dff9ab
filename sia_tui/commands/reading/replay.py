"""replay: a past run from its log, played or recomputed."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sia_tui.cli.formats import plural
from sia_tui.cli.options import Shared, UserPath, shared_options
from sia_tui.cli.output import echo, print_json
from sia_tui.cli.recording import reader_of

if TYPE_CHECKING:
    from sia_tui.commands.reading.playback import Frame


@click.command("replay")
@click.argument("reference", metavar="RUN", default="last")
@click.option("--file", "file", type=UserPath(), help="Read this log instead, also on read-only media.")
@click.option("--verify", "check", is_flag=True, help="Recompute decisions, gates, digests and commit ids.")
@click.option(
    "--speed", type=click.FloatRange(min=0), default=0.0, help="Speed factor; 0 prints all at once.  [default: 0]"
)
@click.option("--step", "stepped", is_flag=True, help="Wait for a key per line: Enter, g for a generation, q to quit.")
@click.option("--from", "first", type=click.IntRange(min=1), help="First event to print.")
@click.option("--until", "last", type=click.IntRange(min=1), help="Last event to print.")
@click.option("--generation", type=click.IntRange(min=0), help="Only this generation; 0 is what precedes the first.")
@shared_options
def replay(
    reference: str,
    file: Path | None,
    *,
    check: bool,
    speed: float,
    stepped: bool,
    first: int | None,
    last: int | None,
    generation: int | None,
    shared: Shared,
) -> None:
    """Play RUN from its log; with --verify, recompute it and compare.

    Example: sia replay last --verify
    """
    from engine.core.replay import states, verify
    from engine.errors import SiaError
    from engine.events.reader import Reader
    from sia_tui.commands.reading.playback import Window, frames

    if check and (speed or stepped or first or generation is not None):
        raise click.UsageError("--verify can be combined with --until only.")
    if stepped and (speed or shared.as_json):
        raise click.UsageError("--step cannot be combined with --speed or --json.")
    if stepped and (shared.headless or not sys.stdin.isatty()):
        raise click.UsageError("--step needs a terminal.")
    with contextlib.closing(Reader.open(file) if file else reader_of(shared.workspace, reference)) as reader:
        run = reader.find(reference)
        for bound in (first, last):
            if bound is not None and bound > run.head_n:
                raise SiaError(f"{run.name} has the events 1 to {run.head_n}, not {bound}", "`sia log` lists them")
        if not check:
            if generation is not None and generation > run.generation:
                raise SiaError(f"{run.name} has no generation {generation}", f"it has 1 to {run.generation}")
            played = frames(states(reader, run.run), Window(first or 1, last, generation))
            _show(played, speed, stepped=stepped, as_json=shared.as_json)
            return
        found = verify(reader, run.run, last)
    if shared.as_json:
        import msgspec

        print_json(msgspec.to_builtins(found))
    elif (at := found.diverged_at) is None:
        echo(f"{run.name}: identical, {plural(found.events, 'event')} recomputed.")
    else:
        echo(f"{run.name}: diverges at event {at.n}.\nexpected: {at.expected}\n     got: {at.got}")
    if not found.identical:
        raise click.exceptions.Exit(1)


def _show(played: Iterator[Frame], speed: float, *, stepped: bool, as_json: bool) -> None:
    from sia_tui.commands.reading.playback import play, step

    if as_json:
        print_json([frame.as_json() for frame in played])
    elif stepped:
        step(played)
    else:
        play(played, speed)
