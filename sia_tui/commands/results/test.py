"""test: unseal the test split."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import click

from engine.plain import decimal
from sia_tui.cli import consent, formats
from sia_tui.cli.formats import plural
from sia_tui.cli.limits import workers_of
from sia_tui.cli.options import Shared, shared_options
from sia_tui.cli.output import echo, print_json, say
from sia_tui.cli.processes.engine_process import announce

if TYPE_CHECKING:
    from engine.run.live_run import Run

EVERY_S = 10.0
"""Seconds between two lines on how far a reading is."""


@click.command("test")
@click.argument("reference", metavar="RUN", default="last")
@click.option("--workers", type=int, default=None, help="Instances to execute in parallel.  [default: one per core]")
@click.option("--unsafe-no-sandbox", "unsafe", is_flag=True, help="Run harness code without a sandbox.")
@shared_options
def test(reference: str, workers: int | None, unsafe: bool, shared: Shared) -> None:
    """Unseal the test split: RUN's best candidate against the baselines, all prepared on train and val.

    Each reading is an event, and is counted on this machine, whatever run it was for.

    Example: sia test last
    """
    from engine.loop import driver, launch
    from engine.loop.control_socket import Control
    from engine.queries.run_report import test_report

    consent.ask_for_run(shared, reference)

    async def go() -> tuple[str, Any]:
        async with launch.reopen(
            shared.workspace,
            reference,
            workers=workers_of(workers),
            report=say,
            resume=False,
            unsafe=unsafe,
        ) as run:
            announce(shared.announce_fd, run.state.run)
            telling = None
            if not shared.as_json:
                say(f"unsealing the {run.state.domain.counts.get('test', 0)} test instances of {run.state.domain.name}")
                telling = asyncio.create_task(_tell(run))
            try:
                return run.state.name, test_report(await driver.test(run, Control()))
            finally:
                if telling is not None:
                    telling.cancel()

    name, report = asyncio.run(go())
    if shared.as_json:
        print_json(report)
    else:
        _print(name, report)


async def _tell(run: Run) -> None:
    """Says now and then how far the reading is, and how long it has taken."""
    from sia_tui.cli.standing import words

    began = time.time_ns()
    while True:
        await asyncio.sleep(EVERY_S)
        now = time.time_ns()
        parts = (words.work(run.work, now // 1000), f"{words.clock((now - began) / 1e9)} so far")
        say(f"sealed test: {' · '.join(part for part in parts if part)}")


def _print(name: str, report: dict[str, Any]) -> None:
    from sia_tui.cli.tables import table

    rows = [[f"{name}, best candidate", formats.score(report), report["n"]]]
    rows += [[f"  {row['name']}", formats.score(row), row["n"]] for row in report["subsets"]]
    rows += [[f"baseline: {row['name']}", formats.score(row), row["n"]] for row in report["baselines"]]
    table(["sealed test", "score", "n"], rows)
    for whose, row in [(name, report), *((f"baseline {row['name']}", row) for row in report["baselines"])]:
        if words := formats.private_check(row).removeprefix(", ").removeprefix("; "):
            echo(f"{whose}: {words}")
    for measure, value in (report["private"] or {"measures": {}})["measures"].items():
        echo(f"{measure}: {decimal(value)}")
    if report["macro"] is not None:
        echo(f"macro-average: {decimal(report['macro'])}")
    if report["failures"]:
        echo(f"failures: {report['failures']}")
    if disturbed := report["disturbed"]:
        found = (
            f"{len(disturbed)} of {plural(report['n'], 'timing')} {'was' if len(disturbed) == 1 else 'were'} disturbed"
        )
        echo(f"{found} ({disturbed[0]}): use a quiet machine")
    before = report["unsealed_before"]
    if before == 0:
        echo("This was the first reading of the test split that this machine knows of.")
    else:
        readings = formats.plural(before, "earlier reading")
        echo(f"This machine knows of {readings} of the test split, by this run or others.")
