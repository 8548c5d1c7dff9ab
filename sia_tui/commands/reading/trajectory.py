"""trajectory: what the candidates of a run answered to one instance."""

from __future__ import annotations

import click

from sia_tui.cli.options import Shared, shared_options
from sia_tui.cli.output import echo, print_json
from sia_tui.cli.runs import open_run


@click.command("trajectory")
@click.argument("reference", metavar="RUN")
@click.argument("instance")
@shared_options
def trajectory(reference: str, instance: str, shared: Shared) -> None:
    """Show how the candidates of RUN answered INSTANCE, generation by generation.

    Example: sia trajectory last INSTANCE
    """
    from engine.errors import SiaError
    from engine.queries.run_report import trajectory as answers_of

    with open_run(shared.workspace, reference) as (reader, run):
        rows = answers_of(reader, run.run, instance)
    if not rows:
        raise SiaError(
            f"no generation of {run.name} has executed an instance {instance!r}", "`sia log --instances` lists them"
        )
    if shared.as_json:
        print_json(rows)
        return
    for row in rows:
        verdict = f"failed ({row['failure']['kind']}): {row['failure']['message']}" if row["failure"] else row["detail"]
        verdict = f"refused: {row['refused']}" if row["refused"] else verdict
        where = f"generation {row['generation']} · {row['split']} · score {row['score']:g}"
        echo(f"{where} · answer {row['answer']!r} {verdict}")
        if row["log"]:
            echo(row["log"])
