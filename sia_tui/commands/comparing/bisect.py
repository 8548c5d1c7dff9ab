"""bisect: which candidate fixed or broke an instance."""

from __future__ import annotations

import click

from sia_tui.cli.options import Shared, shared_options
from sia_tui.cli.output import echo, print_json
from sia_tui.cli.runs import open_run
from sia_tui.commands.comparing.diffs import print_diff


@click.command("bisect")
@click.argument("reference", metavar="RUN")
@click.argument("instance")
@shared_options
def bisect(reference: str, instance: str, shared: Shared) -> None:
    """Find the candidate of RUN that fixed or broke INSTANCE, and print its change to the harness.

    Example: sia bisect last INSTANCE
    """
    import msgspec

    from engine.queries.bisect import bisect as bisected
    from engine.queries.harness_diff import between

    with open_run(shared.workspace, reference) as (reader, run):
        found, state = bisected(reader.history(run.run), instance)
        diffs = [
            between(reader, shared.workspace, state.versions[change.after], state.versions[change.n])
            for change in found.changes
        ]
    if shared.as_json:
        facts = msgspec.to_builtins(found)
        for change, text in zip(facts["changes"], diffs, strict=True):
            change["diff"] = text
        print_json(facts)
        return
    from sia_tui.cli.tables import table

    table(
        ["gen", "lever", "harness", "score", "against its incumbent", ""],
        [
            [
                one.n,
                one.lever or "first",
                one.harness[:10],
                f"{one.score:g}" + (f" ({one.failures} failed)" if one.failures else ""),
                one.what or "same",
                "incumbent" if one.incumbent else "rejected",
            ]
            for one in found.candidates
        ],
    )
    echo(f"{found.summary}.")
    if diffs:
        print_diff(diffs[0])
