"""diff: what changed in the harness between two generations."""

from __future__ import annotations

import click

from sia_tui.cli.options import Shared, shared_options
from sia_tui.cli.output import print_json
from sia_tui.cli.runs import open_run
from sia_tui.commands.comparing.diffs import print_diff


@click.command("diff")
@click.argument("reference", metavar="RUN")
@click.argument("old", type=int)
@click.argument("new", type=int)
@shared_options
def diff(reference: str, old: int, new: int, shared: Shared) -> None:
    """Show what changed in the harness between generations OLD and NEW of RUN.

    Example: sia diff last 1 2
    """
    from engine.core.state import fold
    from engine.errors import SiaError
    from engine.queries.harness_diff import between

    with open_run(shared.workspace, reference) as (reader, run):
        versions = fold(reader.history(run.run)).versions
        for number in (old, new):
            if number not in versions:
                known = ", ".join(map(str, sorted(versions)))
                raise SiaError(f"{run.name} has no harness {number}", f"it has {known or 'none yet'}")
        text = between(reader, shared.workspace, versions[old], versions[new])
    if shared.as_json:
        print_json({"old": versions[old].commit, "new": versions[new].commit, "diff": text})
    else:
        print_diff(text)
