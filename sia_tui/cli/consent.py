"""Asks once before a command uses a workspace, code or a model server that the user does not trust yet."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sia_tui.cli.output import say
from sia_tui.cli.runs import open_run

if TYPE_CHECKING:
    from engine.events.reader import Reader, RunRow
    from engine.trust import Place
    from sia_tui.cli.options import Shared


def ask(shared: Shared, code: Iterable[Place] = (), *, workspace: bool = True) -> None:
    """Asks in a terminal and records a yes; raises `Untrusted` after a no, and where nobody can be asked."""
    from engine import trust

    places = trust.untrusted(shared.workspace.path if workspace else None, code)
    if not places:
        return
    refused = trust.refusal(places)
    if shared.headless or shared.as_json or not sys.stdin.isatty():
        raise refused
    say(f"{refused.message[0].upper()}{refused.message[1:]}.")
    if not click.confirm("Do you trust it?", err=True):
        raise refused
    for place in places:
        trust.remember(place)


def ask_for_run(shared: Shared, reference: str, *, source: Path | None = None) -> None:
    """Asks about what the log names for a run of the workspace, or of the exported file `source`."""
    if source:
        from engine.transfer.run_import import read_export

        with read_export(source) as reader:
            code = _code(reader, reader.find(reference))
        ask(shared, code)
        return
    with open_run(shared.workspace, reference) as (reader, row):
        code = _code(reader, row)
        own = reader.path == shared.workspace.log
    ask(shared, code, workspace=own)


def _code(reader: Reader, row: RunRow) -> list[Place]:
    from engine.run.named_paths import places_of

    return places_of(reader, row)
