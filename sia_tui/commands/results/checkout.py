"""checkout: a candidate as a folder that runs without sia."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sia_tui.cli import consent
from sia_tui.cli.options import Shared, UserPath, shared_options
from sia_tui.cli.output import echo, print_json, say
from sia_tui.cli.runs import open_run

if TYPE_CHECKING:
    from domains.contract import Instance
    from engine.checkout.folder import Checkout


@click.command("checkout")
@click.argument("reference", metavar="RUN", default="last")
@click.option("-o", "--output", "place", type=UserPath(), required=True, help="New or empty folder to write.")
@click.option("--generation", type=int, help="Use this generation's candidate.  [default: the incumbent]")
@click.option("--with-data", is_flag=True, help="Include train.jsonl, with labels.")
@click.option(
    "--as",
    "form",
    type=click.Choice(["adapter", "merged"]),
    default="adapter",
    help="Write trained weights as an adapter, or merged into a copy of the model.  [default: adapter]",
)
@shared_options
def checkout(reference: str, place: Path, generation: int | None, with_data: bool, form: str, shared: Shared) -> None:
    """Write RUN's best candidate as a folder that runs without sia: harness, parameters, runner and README.

    Example: sia checkout last -o best
    """
    from engine.checkout import folder, merged
    from engine.run import adapters

    folder.check_empty(place)
    if with_data:
        consent.ask_for_run(shared, reference)
    with open_run(shared.workspace, reference) as (reader, run):
        chosen = folder.load(reader, run, generation)
    weights = chosen.generation.candidate.weights
    merges = form == "merged"
    merge = merged.Merge(chosen.state.settings.model, shared.workspace.path / "adapters", weights) if merges else None
    adapter = adapters.read_files(shared.workspace.path, weights) if weights and not merges else None
    train = asyncio.run(_train(chosen)) if with_data else None
    folder.write(place, folder.folder(chosen, train, adapter, merges=merges), merge)
    files = sorted(path.relative_to(place).as_posix() for path in place.rglob("*") if path.is_file())
    n, name = chosen.generation.n, chosen.state.name
    if shared.as_json:
        commit = chosen.generation.candidate.harness
        facts = {"run": chosen.state.run, "name": name, "generation": n, "harness": commit, "weights": weights}
        print_json({**facts, "folder": str(place), "files": files})
    else:
        echo(f"{place} holds generation {n} of {name}; {place / 'README.md'} says how to run it.")


async def _train(chosen: Checkout) -> list[Instance]:
    from engine.checkout.domain import domain_of

    async with domain_of(chosen.state.domain, say) as grader:
        return await grader.instances("train")
