"""log: the events of a run."""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from sia_tui.cli.options import Shared, shared_options
from sia_tui.cli.output import echo, plain, plain_json
from sia_tui.cli.runs import open_run, status_of

if TYPE_CHECKING:
    from engine.events.event import Event


_WIDTH = 200


@click.command("log")
@click.argument("reference", metavar="RUN", default="last")
@click.option("--follow", is_flag=True, help="Print new events too, until the run is paused, stopped or done.")
@click.option("--instances", is_flag=True, help="Include the events of single instances.")
@shared_options
def log(reference: str, follow: bool, instances: bool, shared: Shared) -> None:
    """Print the events of RUN, one per line.

    Example: sia log last --follow
    """
    with open_run(shared.workspace, reference) as (reader, run):
        after, last_version = 0, -1
        while True:
            version = reader.data_version()
            if version != last_version:
                last_version = version
                for event in reader.history(run.run, after=after):
                    after = event.n
                    if instances or event.type != "instance.finished":
                        _print_event(event, shared.as_json)
            if not follow or status_of(shared.workspace, reader.find(run.run)) != "running":
                return
            time.sleep(0.1)


def _print_event(event: Event, as_json: bool) -> None:
    import msgspec

    if as_json:
        head = {name: getattr(event, name) for name in ("seq", "run", "n", "type", "v", "at", "generation", "hash")}
        echo(plain_json(msgspec.json.encode({**head, "payload": event.as_json()})))
        return
    from rich.text import Text

    from sia_tui.cli.headlines import headline

    at = datetime.fromtimestamp(event.at / 1e6, UTC).strftime("%H:%M:%S.%f")[:-3]
    line = headline(event, event.payload)
    text = event.stored.decode("utf-8", "replace") if line is None else Text.from_markup(line).plain
    line_text = plain(text if len(text) <= _WIDTH or not sys.stdout.isatty() else text[: _WIDTH - 1] + "…")
    echo(f"{event.n:>6}  {at}  {event.generation:>2}  {event.type:<19} {line_text}")
