"""models: which language models are usable here, what the others lack, and obtaining the one that sia knows."""

from __future__ import annotations

import asyncio

import click

from sia_tui.cli.options import Shared, common, print_json


@click.group("models", invoke_without_command=True)
@common
@click.pass_context
def models(context: click.Context, shared: Shared) -> None:
    """Which language models are usable here, and what the others lack.

    Example: sia models
    """
    if context.invoked_subcommand:
        return
    from engine.models.survey import survey
    from engine.settings import read
    from sia_tui.cli.tables import table

    rows = asyncio.run(survey(read(shared.workspace.path).settings))
    if shared.as_json:
        print_json(rows)
        return
    table(
        ["", "model", "what", "here", "remedy"],
        [["ok" if row.usable else "--", row.model, row.what, row.how, row.remedy] for row in rows],
    )


@models.command("get")
@click.argument("name", type=click.Choice(["smollm2"]))
@common
def get(name: str, shared: Shared) -> None:
    """Obtain and check the model NAME; what is already there and whole is not fetched again.

    Example: sia models get smollm2
    """
    from engine.models import smollm2
    from sia_tui.cli.progress import say

    path = smollm2.fetch(say)
    if shared.as_json:
        print_json({"model": name, "file": str(path), "sha256": smollm2.SHA256})
    else:
        click.echo(f"{name}: {path}")
