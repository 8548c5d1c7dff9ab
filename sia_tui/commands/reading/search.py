"""search: a text in the logs, prompts, replies and events of all runs."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import click

from sia_tui.cli.formats import plural
from sia_tui.cli.options import Shared, shared_options
from sia_tui.cli.output import echo, print_json, say
from sia_tui.cli.runs import open_run

if TYPE_CHECKING:
    from sia_tui.app.model.runs_search import FoundInRun


@click.command("search")
@click.argument("words", metavar="TEXT", nargs=-1, required=True)
@click.option("--run", "reference", metavar="RUN", help="Search this run only, also what it shares with its parent.")
@click.option("--limit", type=click.IntRange(min=1), default=100, show_default=True, help="Events to print, per run.")
@shared_options
def search(words: tuple[str, ...], reference: str | None, limit: int, shared: Shared) -> None:
    """Find TEXT in the logs, prompts, replies and events of all runs, the newest run first.

    TEXT may hold the terms of the app's filter, such as log:Traceback and gen:3.

    Example: sia search Traceback
    """
    from itertools import groupby

    from sia_tui.app.model.runs_search import search_runs

    if not " ".join(words).strip():
        raise click.BadParameter("an empty text is in every event; give a word of what you look for", param_hint="TEXT")
    where: list[dict[str, Any]] = []
    with contextlib.ExitStack() as stack:
        if reference is None:
            reader = stack.enter_context(contextlib.closing(shared.workspace.reader()))
            runs = reader.runs()[::-1]
        else:
            reader, run = stack.enter_context(open_run(shared.workspace, reference))
            runs = [run]
        parts = search_runs(reader, runs, " ".join(words), limit, inherited=reference is not None)
        for _, of_run in groupby(parts, key=lambda found: found.run.run):
            *_, found = of_run
            if found.count:
                where.append(_as_json(found))
                if not shared.as_json:
                    _print(found)
    if shared.as_json:
        print_json(where)
    elif not where:
        say(f"no event of {runs[0].name if reference else plural(len(runs), 'run')} passes")


def _print(found: FoundInRun) -> None:
    from sia_tui.app.rows.found_event import found_spans

    echo(f"{found.run.name}  {found.run.domain}  {plural(found.count, 'event')}")
    for event in found.events:
        echo("".join(text for text, _ in found_spans(event)).replace("\n", " "))
    if found.more:
        echo(f"  and {found.more:,} more; --limit prints them")


def _as_json(found: FoundInRun) -> dict[str, Any]:
    from sia_tui.app.rows.found_event import found_line

    events = [
        {
            "n": one.event.n,
            "generation": one.event.generation,
            "type": one.event.type,
            "instance": getattr(one.event.payload, "instance", None),
            "field": one.field or None,
            "line": found_line(one),
        }
        for one in found.events
    ]
    return {"run": found.run.run, "name": found.run.name, "count": found.count, "events": events, "more": found.more}
