"""An engine in this process: it drives a run until the run is paused, stopped or done."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from sia_tui.cli.defaults import with_defaults
from sia_tui.cli.limits import workers_of
from sia_tui.cli.options import Shared
from sia_tui.cli.output import print_json, say
from sia_tui.cli.processes.engine_process import announce
from sia_tui.cli.processes.signals import ending

if TYPE_CHECKING:
    from engine.events.types import Settings
    from engine.loop.control_socket import Control
    from engine.run.live_run import Run
    from sia_tui.cli.progress import Progress


async def drive_here(shared: Shared, started: Run, progress: Progress, control: Control | None = None) -> None:
    """Drives a run in this process until it is paused, stopped or done; `control` and a signal to end pause it."""
    from engine.events import readings
    from engine.loop.control_socket import Control
    from engine.loop.driver import drive
    from engine.queries.cut_replies import cut_replies
    from engine.queries.progress import history
    from engine.queries.run_report import show
    from engine.queries.score_course import archive_of, archive_of_slices
    from engine.run import account

    control = control or Control()
    await control.listen(shared.workspace.path, started.state.run)
    loop = asyncio.get_running_loop()
    numbers = [signal.SIGINT, *ending()]
    for number in numbers:
        loop.add_signal_handler(number, control.ask, "pause", number.name)
    announce(shared.announce_fd, started.state.run)
    try:
        reader = started.log.reader
        progress.measured(history.pace_of(reader, started.state.run), history.earlier_pace(reader, started.state.run))
        progress.began(started.state)
        clock = asyncio.create_task(_tell_each_second(progress))
        progress.work = lambda: started.work
        started.live_text.watch = lambda: progress.heard(started.live_text)
        try:
            await drive(started, control)
        finally:
            clock.cancel()
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)
        control.close()
    if shared.as_json:
        state, reader = started.state, started.log.reader
        count = len(readings.known(reader, state.domain.digest))
        cut = cut_replies(reader.outline(state.run))
        print_json(
            show(
                state,
                state.status,
                count,
                account.known(reader, state),
                cut,
                archive_of(reader, state),
                archive_of_slices(reader, state),
            )
        )
    else:
        progress.ended(started.state)
    if started.state.status == "failed":
        raise click.exceptions.Exit(1)


async def _tell_each_second(progress: Progress) -> None:
    """Some steps append no event for minutes."""
    while True:
        await asyncio.sleep(1)
        progress.waited(time.time_ns() // 1000)


def drive_existing(
    shared: Shared,
    reference: str,
    chosen: dict[str, Any],
    *,
    resumed: bool,
    change: Callable[[Settings], Settings] | None = None,
) -> None:
    """Drives an existing run; `resumed` appends `run.resumed` first."""
    from engine.loop.launch import reopen
    from sia_tui.cli.progress import Progress

    workers = with_defaults(shared.workspace.path, {"workers": chosen["workers"]})["workers"]

    async def go() -> None:
        with Progress(live=not shared.headless and not shared.as_json, quiet=shared.as_json) as progress:
            async with reopen(
                shared.workspace,
                reference,
                workers=workers_of(workers),
                observers=[progress],
                report=say,
                resume=resumed,
                change=change,
                unsafe=chosen["unsafe"],
            ) as started:
                await drive_here(shared, started, progress)

    asyncio.run(go())
