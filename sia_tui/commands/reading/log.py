"""log: the events of a run."""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from sia_tui.cli.options import Shared, shared_options
from sia_tui.cli.output import echo, plain, plain_json, say
from sia_tui.cli.runs import open_run, status_of

if TYPE_CHECKING:
    from engine.events.event import Event


_WIDTH = 200


@click.command("log")
@click.argument("reference", metavar="RUN", default="last")
@click.option("--follow", is_flag=True, help="Print new events too, until the run is paused, stopped or done.")
@click.option("--instances", is_flag=True, help="Include the events of single instances.")
@click.option("--calls", is_flag=True, help="Print only calls of models and tools, with what was asked and replied.")
@shared_options
def log(reference: str, follow: bool, instances: bool, calls: bool, shared: Shared) -> None:
    """Print the events of RUN, one per line.

    Example: sia log last --follow
    """
    from engine.queries.calls import CALLS, facts

    with open_run(shared.workspace, reference) as (reader, run):
        after, last_version, printed = 0, -1, not calls
        while True:
            version = reader.data_version()
            if version != last_version:
                last_version = version
                for event in reader.history(run.run, after=after):
                    after = event.n
                    if calls and event.type in CALLS:
                        _print_call(facts(reader, event), shared.as_json)
                        printed = True
                    elif not calls and (instances or event.type != "instance.finished"):
                        _print_event(event, shared.as_json)
            if not follow or status_of(shared.workspace, reader.find(run.run)) not in ("running", "starting"):
                break
            time.sleep(0.1)
    if not printed:
        say(f"{run.name} has no calls of models or tools")


def _print_call(call: dict[str, Any], as_json: bool) -> None:
    import msgspec

    from sia_tui.cli.calls import brief, headline

    if as_json:
        echo(plain_json(msgspec.json.encode(call)))
        return
    echo(f"{call['n']:>6}  {_time(call['at'])}  {call['generation']:>2}  {headline(call)}")
    for line in brief(call):
        echo(f"        {line}")


def _time(at: int) -> str:
    return datetime.fromtimestamp(at / 1e6, UTC).strftime("%H:%M:%S.%f")[:-3]


def _print_event(event: Event, as_json: bool) -> None:
    import msgspec

    if as_json:
        head = {name: getattr(event, name) for name in ("seq", "run", "n", "type", "v", "at", "generation", "hash")}
        echo(plain_json(msgspec.json.encode({**head, "payload": event.as_json()})))
        return
    from rich.text import Text

    from sia_tui.cli.headlines import headline

    line = headline(event, event.payload)
    text = event.stored.decode("utf-8", "replace") if line is None else Text.from_markup(line).plain
    line_text = plain(text if len(text) <= _WIDTH or not sys.stdout.isatty() else text[: _WIDTH - 1] + "…")
    echo(f"{event.n:>6}  {_time(event.at)}  {event.generation:>2}  {event.type:<19} {line_text}")
