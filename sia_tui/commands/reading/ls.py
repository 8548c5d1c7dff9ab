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
    from engine.queries.progress.waiting import waits_for_a_person
    from sia_tui.app.model.best_score import BestScores
    from sia_tui.app.model.lineage_graph import WAITS, PrivateChecks, read_lineage
    from sia_tui.cli.tables import table

    nodes = read_lineage(reader, {}, PrivateChecks(), BestScores())
    rows: list[dict[str, Any]] = [
        {
            "run": node.run.run,
            "name": node.run.name,
            "domain": node.run.domain,
            "status": status_of(shared.workspace, node.run),
            "generation": node.run.generation,
            "best": node.run.best,
            "honest": node.best_honest,
            "parent": node.run.parent,
            "events": node.run.head_n,
        }
        for node in nodes
    ]
    if shared.as_json:
        print_json(rows)
        return
    for row in rows:
        if row["status"] == "running" and waits_for_a_person(reader, row["run"]):
            row["status"] = WAITS
    columns = {name: name for name in ("name", "run", "domain", "status", "generation")} | {"best": "best val"}
    if any(row["honest"] is not None for row in rows):
        columns["honest"] = "honest"
    columns["events"] = "events"
    scores = ("best", "honest")
    table(
        list(columns.values()),
        [[formats.number(row[key]) if key in scores else row[key] for key in columns] for row in rows],
    )
