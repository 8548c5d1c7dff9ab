"""`sia compare RUN --what-if`: a run judged by another rule of the gate."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from engine.plain import with_error
from sia_tui.cli import formats
from sia_tui.cli.options import Shared
from sia_tui.cli.output import echo, print_json
from sia_tui.cli.runs import open_run

if TYPE_CHECKING:
    from engine.queries.what_if import VerdictPair, WhatIf


def print_what_if(references: tuple[str, ...], assignments: tuple[str, ...], shared: Shared) -> None:
    import msgspec

    from engine.queries.what_if import parse_rule, what_if

    if len(references) != 1:
        raise click.UsageError("--what-if takes one RUN.")
    rule = parse_rule(assignments)
    with open_run(shared.workspace, references[0]) as (reader, run):
        found = what_if(reader.history(run.run), rule)
    if shared.as_json:
        facts = msgspec.to_builtins(found)
        for row, one in zip(facts["generations"], found.generations, strict=True):
            # an event leaves out what holds its default, a result does not
            row["recorded"] = msgspec.structs.asdict(one.recorded)
            row["what_if"] = msgspec.structs.asdict(one.what_if) if one.what_if else None
        print_json(facts)
    else:
        _print_rules(found)


def _print_rules(found: WhatIf) -> None:
    from sia_tui.cli.tables import table

    rule = ", ".join(f"{key} = {value:g}" for key, value in found.rule.items())
    echo(f"{found.name} if {rule}: a candidate would need p < {found.what_if_level:.2g}", nl=False)
    echo(f" (in the run {found.level:.2g})." if found.level != found.what_if_level else ", as in the run.")
    table(
        ["gen", "val", "recorded", "what if"],
        [
            [
                row.n,
                _scored(row),
                row.recorded.reason,
                row.what_if.reason if row.what_if else "would not exist",
            ]
            for row in found.generations
        ],
    )
    echo(f"{found.summary[:1].upper()}{found.summary[1:]}.")


def _scored(row: VerdictPair) -> str:
    """The score on val, and beside it the honest one and the gap."""
    if row.val is None:
        return "-"
    beside = "" if row.honest is None else f", {formats.honest(row.val.score, row.honest)}"
    return with_error(row.val.score, row.val.se, row.val.n) + beside
