"""run, resume, pause, stop."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from pathlib import Path
from typing import Any

import click

from sia_tui.options import Shared, common, print_json


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _limits(command: Any) -> Any:
    for option in (
        click.option("--unsafe-no-sandbox", "unsafe", is_flag=True, help="Run harness code without a sandbox."),
        click.option("--workers", type=int, default=None, help="Instances executed at once.  [default: one a core]"),
        click.option("--budget-usd", type=float, help="Stop hard at this many US dollars."),
        click.option("--budget-minutes", type=float, help="Stop hard at this many minutes of work."),
        click.option("--budget-evaluations", type=int, help="Stop hard at this many evaluations."),
        click.option("--generations", type=int, help="How many candidates are executed.  [default: 8]"),
    ):
        command = option(command)
    return command


@click.command()
@click.argument("domain")
@_limits
@click.option("--agent", default="search", show_default=True, help="search, or script:FILE.")
@click.option("--lever", default="auto", show_default=True, help="auto, harness, weights or best-of-n.")
@click.option("--seed", type=int, default=1, show_default=True)
@click.option("--probes", type=int, help="Proposals tried on folds of train in one Improvement.")
@click.option("--data", type=click.Path(path_type=Path), help="Where the domain's data is.")
@click.option("--name", default="", help="A name for the run.")
@click.option("--dry-run", is_flag=True, help="Check everything and say what would be done.")
@common
def run(domain: str, *, shared: Shared, dry_run: bool, **chosen: Any) -> None:
    """Start a run on DOMAIN: a built-in's name or a folder.

    Example: sia run lawbench --generations 8
    """
    from engine.events.types import Budget
    from engine.loop import launch
    from sia_tui.progress import Progress, say

    place = shared.workspace
    options = launch.Options(
        domain=domain,
        generations=8 if chosen["generations"] is None else chosen["generations"],
        seed=chosen["seed"],
        agent=chosen["agent"],
        lever=chosen["lever"],
        probes=chosen["probes"],
        budget=Budget(chosen["budget_evaluations"], chosen["budget_minutes"], chosen["budget_usd"]),
        data=chosen["data"],
        workers=_cores() if chosen["workers"] is None else chosen["workers"],
        name=chosen["name"],
        unsafe=chosen["unsafe"],
    )

    async def go() -> None:
        planned = await launch.plan(options, say)
        if dry_run:
            _describe(planned, shared.as_json)
            return
        with Progress(live=not shared.headless and not shared.as_json, quiet=shared.as_json) as progress:
            async with launch.begin(place, planned, [progress]) as started:
                await _drive(place, started, progress, shared.as_json)

    asyncio.run(go())


@click.command()
@click.argument("reference", metavar="RUN", default="last")
@_limits
@common
def resume(reference: str, *, shared: Shared, **chosen: Any) -> None:
    """Go on with RUN at the first step that has no result.

    Example: sia resume last
    """
    from msgspec.structs import replace

    from engine.events.types import Settings
    from engine.loop import launch
    from sia_tui.progress import Progress, say

    place = shared.workspace
    caps = {
        name: chosen[f"budget_{name}"]
        for name in ("evaluations", "minutes", "usd")
        if chosen[f"budget_{name}"] is not None
    }

    def change(settings: Settings) -> Settings:
        if chosen["generations"] is not None:
            settings = replace(settings, generations=chosen["generations"])
        return replace(settings, budget=replace(settings.budget, **caps))

    async def go() -> None:
        with Progress(live=not shared.headless and not shared.as_json, quiet=shared.as_json) as progress:
            async with launch.take_up(
                place,
                reference,
                workers=_cores() if chosen["workers"] is None else chosen["workers"],
                observers=[progress],
                report=say,
                change=change if caps or chosen["generations"] is not None else None,
                unsafe=chosen["unsafe"],
            ) as started:
                await _drive(place, started, progress, shared.as_json)

    asyncio.run(go())


async def _drive(place: Any, started: Any, progress: Any, as_json: bool) -> None:
    from engine.loop.control import Control
    from engine.loop.driver import drive
    from engine.loop.show import show

    control = Control()
    await control.listen(place.path, started.state.run)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, control.ask, "pause", signal.Signals(number).name)
    try:
        progress.began(started.state)
        await drive(started, control)
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
        control.close()
    if as_json:
        print_json(show(started.state, started.state.status))
    else:
        progress.ended(started.state)
    if started.state.status == "failed":
        raise click.exceptions.Exit(1)


def _describe(planned: Any, as_json: bool) -> None:
    settings, domain = planned.started.settings, planned.started.domain
    units = domain.counts["val"] * settings.repeats + settings.train_sample * settings.repeats
    probes = (settings.generations - 1) * settings.probes * settings.probe_fold
    facts = {
        "domain": domain.name,
        "counts": domain.counts,
        "generations": settings.generations,
        "evaluations_executions": units * settings.generations,
        "evaluations_probes_at_most": probes,
        "model_calls": 0,
        "usd": 0.0,
        "isolation": planned.isolation.level,
    }
    if as_json:
        print_json(facts)
        return
    click.echo(f"{domain.name}: {domain.title}")
    click.echo(
        f"{settings.generations} generations of {units} evaluations, and at most {probes} evaluations in probes."
    )
    click.echo(
        f"No model is called and nothing is paid. The sandbox here is {planned.isolation.level}. Nothing was started."
    )


@click.command()
@click.argument("reference", metavar="RUN", default="last")
@common
def pause(reference: str, shared: Shared) -> None:
    """Let the engine of RUN put it down at once; `sia resume` takes it up.

    Example: sia pause last
    """
    _wish("pause", reference, shared)


@click.command()
@click.argument("reference", metavar="RUN", default="last")
@common
def stop(reference: str, shared: Shared) -> None:
    """End RUN, which an engine is working on.

    Example: sia stop last
    """
    _wish("stop", reference, shared)


def _wish(wish: Any, reference: str, shared: Shared) -> None:
    from engine.errors import SiaError
    from engine.loop.control import send

    place = shared.workspace
    with contextlib.closing(place.reader()) as reader:
        found = reader.find(reference)
    if not send(place.path, found.run, wish, "a person"):
        raise SiaError(
            f"no engine is working on {found.name}", f"it is {found.status}; `sia resume {found.name}` goes on with it"
        )
    if shared.as_json:
        print_json({"run": found.run, "asked": wish})
    else:
        click.echo(f"{found.name}: asked to {wish}.")
