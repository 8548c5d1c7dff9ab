"""`sia compare RUN --cross`: what each lever gains alone and on top of the other; missing forks are executed."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

from engine.plain import with_error
from sia_tui.cli import consent, formats
from sia_tui.cli.limits import cores
from sia_tui.cli.options import Shared
from sia_tui.cli.output import print_json, say

if TYPE_CHECKING:
    from engine.events.reader import Reader, RunRow
    from engine.loop.ablation import Cell


def cross(reference: str, shared: Shared) -> None:
    """Prints the four cells of the cross of the run `reference`; executes those that are missing."""
    from engine.loop import ablation

    place = shared.workspace
    with contextlib.closing(place.reader()) as reader:
        run = reader.find(reference)
        found = ablation.cells(reader, run)
        missing = [cell for cell in found if cell.fork and _find_run(reader, cell) is None]
    if missing:
        consent.ask_for_run(shared, reference)
    for cell in missing:
        asyncio.run(_execute(cell, shared))
    with contextlib.closing(place.reader()) as reader:
        facts = ablation.report(reader, run, [(cell, _find_run(reader, cell) or run) for cell in found])
    if shared.as_json:
        print_json(facts)
    else:
        _print(facts)


def _find_run(reader: Reader, cell: Cell) -> RunRow | None:
    """The finished fork of a cell; None if it is missing or unfinished."""
    name = cell.fork.name if cell.fork else ""
    return next((run for run in reader.runs() if run.name == name and run.status == "finished"), None)


async def _execute(cell: Cell, shared: Shared) -> None:
    from engine.loop.control_socket import Control
    from engine.loop.driver import drive
    from engine.loop.fork import fork
    from engine.loop.launch import reopen
    from sia_tui.cli.progress import Progress

    assert cell.fork  # noqa: S101 - only forks are missing
    with contextlib.closing(shared.workspace.reader()) as reader:
        begun = any(run.name == cell.fork.name for run in reader.runs())
    if not begun:
        fork(shared.workspace, cell.fork)
    with Progress(live=not shared.headless and not shared.as_json, quiet=shared.as_json) as progress:
        async with reopen(
            shared.workspace, cell.fork.name, workers=cores(), observers=[progress], report=say, resume=begun
        ) as started:
            await drive(started, Control())


def _print(facts: dict[str, Any]) -> None:
    from sia_tui.cli.tables import table

    rows = [
        [
            f"{cell['harness']} harness",
            "base model" if cell["weights"] == "base" else "best adapter",
            formats.score(cell["val"]),
            with_error(cell["gain"]["score"], cell["gain"]["se"], cell["gain"]["n"], sign="+"),
            f"{cell['run']}, generation {cell['generation']}",
        ]
        for cell in facts["cells"]
    ]
    table(["harness", "weights", "val", "gain over the first", "measured in"], rows)
