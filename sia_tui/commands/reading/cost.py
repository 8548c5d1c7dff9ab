"""cost: what a run has spent."""

from __future__ import annotations

from typing import Any

import click

from engine.plain import decimal
from sia_tui.cli.formats import dollars, plural
from sia_tui.cli.options import Shared, shared_options
from sia_tui.cli.output import echo, print_json
from sia_tui.cli.runs import open_run

_SPENT = ("evaluations", "reused", "calls", "tokens", "reused tokens", "US$", "CPU s", "time in sum, s")


@click.command("cost")
@click.argument("reference", metavar="RUN", default="last")
@shared_options
def cost(reference: str, shared: Shared) -> None:
    """Show what RUN has spent, by purpose and by lever, and per accepted gain.

    Example: sia cost last
    """
    from engine.queries.costs import costs
    from sia_tui.cli.tables import table

    with open_run(shared.workspace, reference) as (reader, run):
        facts = costs(reader.history(run.run))
    if shared.as_json:
        print_json(facts)
        return
    table(
        ["spent on", *_SPENT],
        [[row["on"], *_cost_columns(row)] for row in facts["by"]],
    )
    table(
        ["lever", *_SPENT, "accepted gain"],
        [[row["lever"], *_cost_columns(row), f"{decimal(row['gain'], '+')}"] for row in facts["levers"]],
    )
    gain, usd = facts["per_accepted_point"], facts["usd_per_accepted_point"]
    each = f", {plural(round(gain), 'evaluation')}" + (f" and ${usd:.4f}" if usd else "") + " per +0.01" if gain else ""
    echo(f"accepted gain on val: {decimal(facts['gain'], '+')}{each}")
    if facts["unpriced"]:
        calls = plural(facts["unpriced"], "call")
        echo(f"The price of {calls} is not known, so the dollars are too few: add it to [prices] in sia.toml.")
    if facts["bound"]:
        calls = plural(facts["bound"], "call")
        echo(f"The server did not tell what {calls} took: the most that is possible counts.")


def _cost_columns(row: dict[str, Any]) -> list[Any]:
    counts = [row[name] for name in ("evaluations", "reused", "calls", "tokens", "reused_tokens")]
    return [*counts, dollars(row["usd"], row["unpriced"]), f"{row['cpu_s']:.1f}", f"{row['wall_s']:.1f}"]
