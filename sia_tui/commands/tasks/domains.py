"""domains: the tasks that come with sia."""

from __future__ import annotations

import click

from sia_tui.cli.options import Shared, shared_options
from sia_tui.cli.output import print_json


@click.command("domains")
@shared_options
def domains(shared: Shared) -> None:
    """List the tasks that come with sia.

    Example: sia domains
    """
    from engine.grading.loader import built_in, find
    from sia_tui.cli.tables import table

    specs = [find(name).spec for name in built_in()]
    if shared.as_json:
        print_json([{"name": spec.name, "title": spec.title, "metric": spec.metric} for spec in specs])
    else:
        table(["name", "metric", "task"], [[spec.name, spec.metric, spec.title] for spec in specs])
