"""fork: a new run from any event."""

from __future__ import annotations

from typing import Any

import click

from sia_tui.cli import consent
from sia_tui.cli.limits import limit_options
from sia_tui.cli.options import Shared, shared_options
from sia_tui.cli.recording import recording_of
from sia_tui.commands.runs.child_run import child_options, make_child, opened_in_app


@click.command("fork")
@click.argument("reference", metavar="RUN")
@click.option("--at", type=int, required=True, help="Last event that the new run shares with RUN.")
@child_options
@limit_options("as in RUN")
@shared_options
def fork(reference: str, at: int, *, shared: Shared, **chosen: Any) -> None:
    """Start a new run that shares the events of RUN up to event AT.

    Example: sia fork last --at 100 --set gate.alpha=0.05
    """
    chosen["source"] = chosen["source"] or recording_of(shared.workspace, reference)
    if not chosen["no_start"]:
        consent.ask_for_run(shared, reference, source=chosen["source"])
    if not opened_in_app(shared, chosen):
        make_child(reference, at, None, shared, chosen)
