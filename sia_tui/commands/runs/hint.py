"""hint: a person's words to the agent of a run."""

from __future__ import annotations

import click

from sia_tui.cli.options import Shared, shared_options
from sia_tui.cli.output import echo, print_json


@click.command("hint")
@click.argument("reference", metavar="RUN")
@click.argument("text")
@shared_options
def hint(reference: str, text: str, shared: Shared) -> None:
    """Tell the agent of RUN what you know; it reads that from its next Analysis on.

    Example: sia hint last "the charges differ by the amount stolen"
    """
    from engine.loop.control_socket import Hint
    from engine.loop.hint import give

    state, when = give(shared.workspace, reference, Hint(text, "a person"))
    if shared.as_json:
        print_json({"run": state.run, "text": text, "when": when})
    else:
        echo(f"{when}.")
