"""run: start a run."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import click

from sia_tui.cli import consent
from sia_tui.cli.defaults import with_defaults
from sia_tui.cli.limits import limit_options, workers_of
from sia_tui.cli.options import Shared, UserPath, shared_options
from sia_tui.cli.output import say
from sia_tui.commands.app import attach, opens_app
from sia_tui.commands.runs.dry_run import dry_run_report
from sia_tui.commands.runs.local_engine import drive_here

if TYPE_CHECKING:
    from engine.loop.control_socket import Control


@click.command()
@click.argument("domain")
@click.option(
    "--agent",
    default="search",
    show_default=True,
    help="Proposes changes: search, claude, openai, local, claude-code, codex, opencode, gemini, acp:COMMAND, "
    "command:COMMAND or script:FILE.",
)
@click.option("--agent-model", default="", help="Language model of the agents.  [default: the agent's own]")
@click.option("--model", default="", help="Language model that harnesses call as ctx.model.")
@click.option("--judge", default="", help="Language model that grades answers, if DOMAIN needs one.")
@click.option(
    "--lever", default="auto", show_default=True, help="What may change: auto, harness, weights or best-of-n."
)
@click.option(
    "--trainer",
    default="auto",
    show_default=True,
    help="What trains the weights: ours, trl, or auto: trl on several GPUs and for models that are large for one.",
)
@click.option(
    "--approve",
    default="jumps",
    show_default=True,
    help="Candidates that need your approval: jumps (adopted tasks: gains too large to be true), harness, weights, "
    "all or none.",
)
@limit_options("8")
@click.option("--seed", type=int, default=1, show_default=True, help="Seed of all random choices.")
@click.option("--seed-harness", is_flag=True, help="Start from the domain's harness; do not let the agent write one.")
@click.option("--probes", type=int, help="Proposals to try on folds of train, per Improvement.")
@click.option(
    "--proposals",
    type=int,
    default=1,
    show_default=True,
    help="Proposals of a language model for each candidate; the best on a fold of train goes to the gate.",
)
@click.option(
    "--tune",
    type=int,
    default=0,
    show_default=True,
    help="Probes that tune the numbers of a language model's proposal, or of the best candidate, before the gate.",
)
@click.option(
    "--agent-tokens",
    type=int,
    default=120_000,
    show_default=True,
    help="Tokens that a language model may take to read and try, per Improvement.",
)
@click.option(
    "--agent-minutes",
    type=float,
    default=30.0,
    show_default=True,
    help="Minutes that a coding agent may work, per errand.",
)
@click.option("--reserve", type=float, help="Share of train for a second look of the gate; nothing learns from it.")
@click.option(
    "--rotate",
    type=int,
    default=0,
    show_default=True,
    help="Judge on a fresh val of the reserve each so many generations; then there is no second look.",
)
@click.option(
    "--warm-start", is_flag=True, help="First try, measured anew, what did best in earlier runs of DOMAIN here."
)
@click.option("--data", type=UserPath(), help="Folder of the domain's data.")
@click.option("--name", default="", help="Name of the run.")
@click.option("--dry-run", is_flag=True, help="Check everything and print an estimate; start nothing.")
@click.option("--watch", is_flag=True, help="Start a new run each time a file of the task is saved.")
@shared_options
def run(domain: str, *, shared: Shared, dry_run: bool, watch: bool, **chosen: Any) -> None:
    """Start a run on DOMAIN, the name of a built-in task or a folder.

    Example: sia run lawbench --generations 8
    """
    from engine.events.types import Budget
    from engine.loop import launch
    from engine.run.options import Options
    from sia_tui.cli.progress import Progress

    consent.ask(shared)
    if not (dry_run or watch) and opens_app(shared, plain_lines=chosen["plain"]):
        attach(shared)
        return
    place = shared.workspace
    chosen = with_defaults(place.path, chosen)
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
        trainer=chosen["trainer"],
        approve=chosen["approve"],
        probes=chosen["probes"],
        proposals=chosen["proposals"],
        tune=chosen["tune"],
        agent_tokens=chosen["agent_tokens"],
        agent_minutes=chosen["agent_minutes"],
        reserve=chosen["reserve"],
        rotate=chosen["rotate"],
        warm_start=chosen["warm_start"],
        budget=Budget(*(chosen[f"budget_{name}"] for name in ("evaluations", "minutes", "usd", "tokens"))),
        data=chosen["data"],
        workers=workers_of(chosen["workers"]),
        name=chosen["name"],
        unsafe=chosen["unsafe"],
    )

    async def go(control: Control | None = None) -> None:
        planned = await launch.plan(options, say, place)
        if dry_run:
            await dry_run_report(planned, shared)
            return
        if control and control.request:
            return  # another save came first
        with Progress(live=not shared.headless and not shared.as_json, quiet=shared.as_json) as progress:
            async with launch.start(place, planned, [progress], say) as started:
                await drive_here(shared, started, progress, control)

    if not watch or dry_run:
        asyncio.run(go())
        return
    from sia_tui.commands.runs.watch import repeat_on_save, watched_folder

    asyncio.run(repeat_on_save(watched_folder(options), place.path.resolve(), go))
