"""call: one call of a language model or of a tool, with its prompt and its reply."""

from __future__ import annotations

import click

from sia_tui.cli.options import Shared, shared_options
from sia_tui.cli.output import echo, print_json
from sia_tui.cli.runs import open_run


@click.command("call")
@click.argument("reference", metavar="RUN")
@click.argument("number", metavar="N", type=click.IntRange(min=1))
@shared_options
def call(reference: str, number: int, shared: Shared) -> None:
    """Print the call that is event N of RUN: the prompt and the reply, or a tool's arguments and result.

    Example: sia call last 12
    """
    from engine.queries import calls
    from sia_tui.cli.calls import headline, lines

    with open_run(shared.workspace, reference) as (reader, run):
        found = calls.at(reader, run, number)
    if shared.as_json:
        print_json(found)
        return
    echo(headline(found))
    for line in lines(found):
        echo(line)
