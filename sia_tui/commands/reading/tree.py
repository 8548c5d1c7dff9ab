"""tree: the lineage of runs."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import click

from sia_tui.cli import formats
from sia_tui.cli.options import Shared, shared_options
from sia_tui.cli.output import plain, print_json
from sia_tui.cli.runs import status_of

if TYPE_CHECKING:
    from engine.events import types as t
    from engine.events.reader import GenerationRow


@click.command("tree")
@shared_options
def tree(shared: Shared) -> None:
    """Show the lineage of runs, with their generations.

    Example: sia tree
    """
    from rich.tree import Tree

    from sia_tui.app.model.lineage_graph import PrivateChecks
    from sia_tui.cli.console import console

    with contextlib.closing(shared.workspace.reader()) as reader:
        generations: dict[str, list[GenerationRow]] = {}
        for row in reader.generations():
            generations.setdefault(row.run, []).append(row)
        runs = [(run, status_of(shared.workspace, run)) for run in reader.runs()]
        found = PrivateChecks()
        checks = {} if shared.as_json else {run.run: found.of(reader, run) for run, _ in runs}
    if shared.as_json:
        print_json(
            [
                {
                    "run": run.run,
                    "name": run.name,
                    "parent": run.parent,
                    "parent_n": run.parent_n,
                    "status": status,
                    "generations": [_row(row) for row in generations.get(run.run, [])],
                }
                for run, status in runs
            ]
        )
        return
    nodes: dict[str | None, Tree] = {None: Tree("runs")}
    for run, status in runs:
        at = f" forked at {run.parent_n}" if run.parent else ""
        node = nodes.get(run.parent, nodes[None]).add(plain(f"{run.name} ({status}){at}"))
        nodes[run.run] = node
        for one in generations.get(run.run, []):
            node.add(_line(one, checks[run.run].get(one.generation)))
    console(markup=False).print(nodes[None])


def _line(one: GenerationRow, check: t.PrivateCheck | None) -> str:
    """A generation with its score; one that the private check refused says so."""
    from engine.queries import score_course

    refused = score_course.refused(one.accepted, check)
    mark = "×" if refused else {True: "+", False: "-", None: "?"}[one.accepted]
    text = f"{mark} {one.generation} {one.lever or 'first'} {one.harness[:10]} val {formats.number(one.val)}"
    honest = score_course.honest(check)
    beside = f", {formats.honest(one.val, honest.score)}" if honest and one.val is not None else ""
    return f"{text}{' refused' * refused}{beside}"


def _row(one: GenerationRow) -> dict[str, Any]:
    return {
        "n": one.generation,
        "lever": one.lever,
        "harness": one.harness,
        "val": one.val,
        "accepted": one.accepted,
    }
