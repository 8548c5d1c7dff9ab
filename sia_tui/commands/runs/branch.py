"""branch: a new run from the candidate of an earlier generation."""

from __future__ import annotations

from typing import Any

import click

from sia_tui.cli import consent
from sia_tui.cli.limits import limit_options
from sia_tui.cli.options import Shared, shared_options
from sia_tui.cli.recording import recording_of
from sia_tui.commands.runs.child_run import child_options, make_child, opened_in_app, parent_reader


@click.command("branch")
@click.argument("reference", metavar="RUN")
@click.option("--generation", type=int, required=True, help="Generation whose candidate becomes the incumbent.")
@child_options
@limit_options("as in RUN")
@shared_options
def branch(reference: str, generation: int, *, shared: Shared, **chosen: Any) -> None:
    """Start a new run whose incumbent is the candidate of an earlier generation of RUN, accepted or not.

    Example: sia branch last --generation 1 --set seed=2
    """
    from engine.loop.fork import gate_event

    chosen["source"] = chosen["source"] or recording_of(shared.workspace, reference)
    if not chosen["no_start"]:
        consent.ask_for_run(shared, reference, source=chosen["source"])
    if opened_in_app(shared, chosen):
        return
    with parent_reader(shared, chosen["source"]) as reader:
        at = gate_event(reader, reader.find(reference), generation)
    make_child(reference, at, generation, shared, chosen)
