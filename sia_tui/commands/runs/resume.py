"""resume: continue a run."""

from __future__ import annotations

from typing import Any

import click

from sia_tui.cli import consent
from sia_tui.cli.limits import limit_assignments, limit_options
from sia_tui.cli.options import Shared, shared_options
from sia_tui.commands.app import attach, opens_app
from sia_tui.commands.runs.local_engine import drive_existing


@click.command()
@click.argument("reference", metavar="RUN", default="last")
@limit_options("as in RUN")
@shared_options
def resume(reference: str, *, shared: Shared, **chosen: Any) -> None:
    """Continue RUN at the first step without a result.

    Example: sia resume last
    """
    from engine.loop.fork import change_settings

    consent.ask_for_run(shared, reference)
    if opens_app(shared, plain_lines=chosen["plain"]):
        attach(shared)
        return
    assignments = limit_assignments(chosen)
    drive_existing(
        shared,
        reference,
        chosen,
        resumed=True,
        change=(lambda settings: change_settings(settings, assignments) or settings) if assignments else None,
    )
