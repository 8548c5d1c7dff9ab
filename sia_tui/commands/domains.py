"""domains, data: the tasks that come with sia, and their data."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from sia_tui.cli.options import Shared, common, print_json


@click.command("domains")
@common
def domains(shared: Shared) -> None:
    """The tasks that come with sia.

    Example: sia domains
    """
    from engine.grading.loader import built_in, find
    from sia_tui.cli.tables import table

    specs = [find(name).spec for name in built_in()]
    if shared.as_json:
        print_json([{"name": spec.name, "title": spec.title, "metric": spec.metric} for spec in specs])
    else:
        table(["name", "metric", "what it asks"], [[spec.name, spec.metric, spec.title] for spec in specs])


@click.group("data")
def data() -> None:
    """The data of domains."""


@data.command("get")
@click.argument("domain")
@click.option("--data", "folder", type=click.Path(path_type=Path), help="Check this folder instead of fetching.")
@common
def get(domain: str, folder: Path | None, shared: Shared) -> None:
    """Obtain and check the data of DOMAIN; what is already there and whole is not fetched again.

    Example: sia data get lawbench
    """
    from engine.grading.loader import find
    from engine.run.domain_session import describe
    from sia_tui.cli.progress import say

    _, counts, _ = asyncio.run(describe(find(domain), folder, say))
    if shared.as_json:
        print_json({"domain": domain, "counts": counts})
    else:
        click.echo(f"{domain}: " + ", ".join(f"{count} {split}" for split, count in counts.items()))
