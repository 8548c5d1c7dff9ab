"""Working on a run from the command line: the options that limit it, and the engine in this process."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from sia_tui.cli.defaults import settled
from sia_tui.cli.engines import announce
from sia_tui.cli.options import Shared, print_json

if TYPE_CHECKING:
    from engine.events.types import Settings
    from engine.loop.control_socket import Control
    from engine.run.session import Run
    from sia_tui.cli.progress import Progress


def cores() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def limits(command: Any) -> Any:
    """Options of every command that lets an engine work."""
    for option in (
        click.option("--plain", is_flag=True, help="Lines instead of the app, in a terminal too."),
        click.option("--unsafe-no-sandbox", "unsafe", is_flag=True, help="Run harness code without a sandbox."),
        click.option("--workers", type=int, default=None, help="Instances executed at once.  [default: one a core]"),
        click.option("--budget-tokens", type=int, help="Stop hard at this many tokens of language models."),
        click.option("--budget-usd", type=float, help="Stop hard at this many US dollars."),
        click.option("--budget-minutes", type=float, help="Stop hard at this many minutes of work."),
        click.option("--budget-evaluations", type=int, help="Stop hard at this many evaluations."),
        click.option("--generations", type=int, help="How many candidates are executed.  [default: 8]"),
    ):
        command = option(command)
    return command


async def drive_here(shared: Shared, started: Run, progress: Progress, control: Control | None = None) -> None:
    """Drives a run to its rest in this process; SIGINT and SIGTERM pause it, and so may whoever has `control`."""
    from engine.loop.control_socket import Control
    from engine.loop.driver import drive
    from engine.queries.run_report import show

    control = control or Control()
    await control.listen(shared.workspace.path, started.state.run)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, control.ask, "pause", signal.Signals(number).name)
    announce(shared.announce_fd, started.state.run)
    try:
        progress.began(started.state)
        await drive(started, control)
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
        control.close()
    if shared.as_json:
        print_json(show(started.state, started.state.status))
    else:
        progress.ended(started.state)
    if started.state.status == "failed":
        raise click.exceptions.Exit(1)


def go_on_with(
    shared: Shared,
    reference: str,
    chosen: dict[str, Any],
    *,
    announce: bool,
    change: Callable[[Settings], Settings] | None = None,
) -> None:
    """Takes an existing run up and drives it; `announce` writes `run.resumed`."""
    from engine.loop.launch import take_up
    from sia_tui.cli.progress import Progress, say

    workers = settled(shared.workspace.path, {"workers": chosen["workers"]})["workers"]

    async def go() -> None:
        with Progress(live=not shared.headless and not shared.as_json, quiet=shared.as_json) as progress:
            async with take_up(
                shared.workspace,
                reference,
                workers=cores() if workers is None else workers,
                observers=[progress],
                report=say,
                go_on=announce,
                change=change,
                unsafe=chosen["unsafe"],
            ) as started:
                await drive_here(shared, started, progress)

    asyncio.run(go())


def lifted(chosen: dict[str, Any]) -> list[str]:
    """The limits that were given, as assignments to settings."""
    named = {"generations": "generations"} | {
        f"budget_{name}": f"budget.{name}" for name in ("evaluations", "minutes", "usd", "tokens")
    }
    return [f"{setting}={chosen[option]}" for option, setting in named.items() if chosen[option] is not None]
