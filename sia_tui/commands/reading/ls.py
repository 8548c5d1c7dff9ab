"""ls: the runs of a workspace."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import click

from sia_tui.cli import formats
from sia_tui.cli.options import Shared, shared_options
from sia_tui.cli.output import print_json
from sia_tui.cli.runs import status_of

if TYPE_CHECKING:
    from engine.events.reader import Reader


@click.command("ls")
@shared_options
def ls(shared: Shared) -> None:
    """List the runs of this workspace, oldest first.

    Example: sia ls
    """
    with contextlib.closing(shared.workspace.reader()) as reader:
        list_runs(shared, reader)


def list_runs(shared: Shared, reader: Reader) -> None:
    """Prints the runs of `reader`."""
    from sia_tui.app.model.best_score import BestScores
    from sia_tui.cli.tables import table

    rows: list[dict[str, Any]] = [
        {
            "run": run.run,
            "name": run.name,
            "domain": run.domain,
            "status": status_of(shared.workspace, run),
            "generation": run.generation,
            "best": run.best,
            "parent": run.parent,
            "events": run.head_n,
        }
        for run in BestScores().runs(reader)
    ]
    if shared.as_json:
        print_json(rows)
    else:
        table(
            ["name", "run", "domain", "status", "generation", "best val", "events"],
            [
                [r["name"], r["run"], r["domain"], r["status"], r["generation"], formats.number(r["best"]), r["events"]]
                for r in rows
            ],
        )
