"""run, resume, pause, stop."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sia_tui.cli.attach import attach, opens_app
from sia_tui.cli.defaults import settled
from sia_tui.cli.engine_process import cores, drive_here, go_on_with, lifted, limits
from sia_tui.cli.options import Shared, common, print_json

if TYPE_CHECKING:
    from engine.loop.control_socket import Control
    from engine.loop.launch import Plan
    from engine.queries.estimate import Estimate


@click.command()
@click.argument("domain")
@limits
@click.option("--agent", default="search", show_default=True, help="search, claude, openai, local, or script:FILE.")
@click.option("--agent-model", default="", help="The language model that the agents are.  [default: the agent's own]")
@click.option("--model", default="", help="The language model that harnesses reach as ctx.model.")
@click.option("--judge", default="", help="The language model that grades rest on, where DOMAIN asks one.")
@click.option(
    "--seed-harness", is_flag=True, help="Begin with the domain's harness, also where an agent could write one."
)
@click.option("--lever", default="auto", show_default=True, help="auto, harness, weights, or best-of-n.")
@click.option("--seed", type=int, default=1, show_default=True)
@click.option("--probes", type=int, help="Proposals tried on folds of train in one Improvement.")
@click.option(
    "--approve",
    default="none",
    show_default=True,
    help="Ask a person before a candidate is executed: harness, weights or all.",
)
@click.option("--data", type=click.Path(path_type=Path), help="Where the domain's data is.")
@click.option("--name", default="", help="A name for the run.")
@click.option("--dry-run", is_flag=True, help="Check everything and say what would be done.")
@click.option("--watch", is_flag=True, help="Start anew whenever the files of DIR are saved.")
@common
def run(domain: str, *, shared: Shared, dry_run: bool, watch: bool, **chosen: Any) -> None:
    """Start a run on DOMAIN: a built-in's name or a folder.

    Example: sia run lawbench --generations 8
    """
    from engine.events.types import Budget
    from engine.loop import launch
    from engine.run.options import Options
    from sia_tui.cli.progress import Progress, say

    if not (dry_run or watch) and opens_app(shared, plain_lines=chosen["plain"]):
        attach(shared)
        return
    place = shared.workspace
    chosen = settled(place.path, chosen)
    options = Options(
        domain=domain,
        generations=8 if chosen["generations"] is None else chosen["generations"],
        seed=chosen["seed"],
        agent=chosen["agent"],
        agent_model=chosen["agent_model"],
        model=chosen["model"],
        judge=chosen["judge"],
        seed_harness=chosen["seed_harness"],
        lever=chosen["lever"],
        approve=chosen["approve"],
        probes=chosen["probes"],
        budget=Budget(*(chosen[f"budget_{name}"] for name in ("evaluations", "minutes", "usd", "tokens"))),
        data=chosen["data"],
        workers=cores() if chosen["workers"] is None else chosen["workers"],
        name=chosen["name"],
        unsafe=chosen["unsafe"],
    )

    async def go(control: Control | None = None) -> None:
        planned = await launch.plan(options, say, place)
        if dry_run:
            await _describe(planned, shared)
            return
        if control and control.wanted:
            return  # saved again meanwhile
        with Progress(live=not shared.headless and not shared.as_json, quiet=shared.as_json) as progress:
            async with launch.begin(place, planned, [progress], say) as started:
                await drive_here(shared, started, progress, control)

    if not watch or dry_run:
        asyncio.run(go())
        return
    from sia_tui.cli.watch import again, watched

    asyncio.run(again(watched(options), place.path.resolve(), go))


@click.command()
@click.argument("reference", metavar="RUN", default="last")
@limits
@common
def resume(reference: str, *, shared: Shared, **chosen: Any) -> None:
    """Go on with RUN at the first step that has no result.

    Example: sia resume last
    """
    from engine.loop.fork import changed

    if opens_app(shared, plain_lines=chosen["plain"]):
        attach(shared)
        return
    assignments = lifted(chosen)
    go_on_with(
        shared,
        reference,
        chosen,
        announce=True,
        change=(lambda settings: changed(settings, assignments) or settings) if assignments else None,
    )


async def _describe(planned: Plan, shared: Shared) -> None:
    import msgspec

    from engine.queries.estimate import TASK_REPLY, trainings

    settings, domain = planned.started.settings, planned.started.domain
    units = (domain.counts["val"] + settings.train_sample) * settings.repeats
    # only the search agent probes, and only where it changes the harness
    probes = (
        0
        if settings.agent_model or settings.lever in ("weights", "best-of-n")
        else (settings.generations - 1) * settings.probes * settings.probe_fold
    )
    models = await _estimated(planned, shared, units, probes)
    per_call = models.tokens // models.calls - TASK_REPLY if models.calls else 0
    rollouts, minutes = trainings(settings, domain.counts["train"] - settings.train_sample, per_call)
    facts = {
        "domain": domain.name,
        "counts": domain.counts,
        "generations": settings.generations,
        "evaluations_executions": units * settings.generations,
        "evaluations_probes_at_most": probes,
        "training_rollouts_at_most": rollouts,
        "training_minutes": minutes,
        "model_calls": models.calls,
        "tokens": models.tokens,
        "usd": models.usd,
        "model_minutes": models.minutes,
        "isolation": planned.isolation.level,
    }
    if shared.as_json:
        print_json(msgspec.to_builtins(facts))
        return
    click.echo(f"{domain.name}: {domain.title}")
    click.echo(
        f"{settings.generations} generations of {units} evaluations, and at most {probes} evaluations in probes."
    )
    click.echo(
        f"Language models: about {models.calls} calls, {models.tokens} tokens, ${models.usd:.2f}, "
        f"{models.minutes:g} minutes. This is an estimate; --budget-usd and --budget-tokens are caps."
        if models.calls
        else "No model is called and nothing is paid."
    )
    if rollouts:
        click.echo(f"Training: at most {rollouts} rollouts more, about {minutes:g} minutes on two cores.")
    click.echo(f"The sandbox here is {planned.isolation.level}. Nothing was started.")


async def _estimated(planned: Plan, shared: Shared, units: int, probes: int) -> Estimate:
    from engine.grading.client import Grader
    from engine.queries.estimate import Estimate, estimate
    from engine.run import models
    from harness_repo.harness import read_folder

    settings = planned.started.settings
    if not models.references(settings):
        return Estimate()
    grader = Grader(planned.folder, planned.data)
    try:
        sample = (await grader.instances("train"))[:50]
    finally:
        await grader.close()
    folder = shared.workspace.path
    seed = read_folder(planned.folder.seed(settings.model))
    agent, task, judge = (
        models.price(reference, folder) for reference in (settings.agent_model, settings.model, settings.judge)
    )
    judged = settings.generations * units + probes
    return estimate(
        settings, units, seed, sample, agent=agent, task=task, at_once=planned.workers, judge=judge, judged=judged
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
    from engine.loop.control_socket import Request, send

    place = shared.workspace
    with contextlib.closing(place.reader()) as reader:
        found = reader.find(reference)
    if not send(place.path, found.run, Request(wish, "a person")):
        remedy = (
            "there is nothing to do" if found.status == "finished" else f"`sia resume {found.name}` goes on with it"
        )
        raise SiaError(f"no engine is working on {found.name}", remedy)
    if shared.as_json:
        print_json({"run": found.run, "asked": wish})
    else:
        click.echo(f"{found.name}: asked to {wish}.")
