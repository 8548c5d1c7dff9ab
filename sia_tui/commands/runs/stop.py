"""stop: ask the engine of a run to end it."""

from __future__ import annotations

import click

from sia_tui.cli.options import Shared, shared_options
from sia_tui.commands.runs.control import send_request


@click.command()
@click.argument("reference", metavar="RUN", default="last")
@shared_options
def stop(reference: str, shared: Shared) -> None:
    """Stop RUN, which you do not mean to continue; `sia resume` still can.

    Example: sia stop last
    """
    send_request("stop", reference, shared)
