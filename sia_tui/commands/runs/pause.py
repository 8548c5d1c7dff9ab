"""pause: ask the engine of a run to pause it."""

from __future__ import annotations

import click

from sia_tui.cli.options import Shared, shared_options
from sia_tui.commands.runs.control import send_request


@click.command()
@click.argument("reference", metavar="RUN", default="last")
@shared_options
def pause(reference: str, shared: Shared) -> None:
    """Pause RUN at once; `sia resume` continues it.

    Example: sia pause last
    """
    send_request("pause", reference, shared)
