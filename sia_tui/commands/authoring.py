"""new, check: a domain of one's own, from the first file on."""

from __future__ import annotations

import asyncio
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sia_tui.cli.options import Shared, common, plain, print_json

if TYPE_CHECKING:
    from engine.domain_check.finding import Finding


@click.command("new")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--template", help="classify, program, artefact or judge.  [default: asks]")
@common
def new(folder: Path, template: str | None, shared: Shared) -> None:
    """Make DIR a task of your own that runs at once, to be changed into yours.

    Example: sia new tickets --template classify
    """
    from engine.domain_check.templates import create

    written = create(folder, template or _ask(shared))
    if shared.as_json:
        print_json({"folder": str(folder), "files": [path.relative_to(folder).as_posix() for path in written]})
        return
    for path in written:
        click.echo(plain(f"  {path}"))
    here = shlex.quote(str(folder))
    click.echo(f"It runs as it is: sia run {here}. What to change stands in {plain(str(folder / 'README.md'))}.")


def _asks(shared: Shared) -> bool:
    return sys.stdin.isatty() and not (shared.headless or shared.as_json)


def _ask(shared: Shared) -> str:
    """The template that a person at a terminal chooses."""
    from engine.domain_check.templates import ABOUT
    from engine.errors import SiaError

    if not _asks(shared):
        raise SiaError(
            "a new task needs a template, and nobody can be asked here", f"pass --template {' or '.join(ABOUT)}"
        )
    for name, about in ABOUT.items():
        click.echo(f"  {name:<10}{about}")
    return str(click.prompt("Which is most like your task?", type=click.Choice(list(ABOUT)), default="classify"))


@click.command("check")
@click.argument("domain", metavar="DIR")
@click.option("--data", type=click.Path(path_type=Path), help="Where the domain's data is.")
@click.option("--model", default="", help="The language model that the seed harness reaches as ctx.model.")
@click.option("--judge", default="", help="The language model that grades rest on; its noise is measured.")
@click.option("--unsafe-no-sandbox", "unsafe", is_flag=True, help="Run the seed harness without a sandbox.")
@common
def check(domain: str, data: Path | None, model: str, judge: str, shared: Shared, *, unsafe: bool) -> None:
    """Examine the task in DIR before anything is spent on it; exit status 1 where something fails.

    Example: sia check tickets
    """
    from engine.domain_check.assessor import caller
    from engine.domain_check.examination import examine
    from engine.run.domain_session import contained
    from sia_tui.cli.engine_process import cores
    from sia_tui.cli.progress import say

    async def go() -> list[Finding]:
        isolation = contained(unsafe=unsafe)
        found = []
        place = shared.workspace.path
        async with caller(model, place, say) as asked, caller(judge, place, say) as judging:
            async for finding in examine(
                domain, data, isolation=isolation, workers=cores(), model=asked, judge=judging, report=say
            ):
                found.append(finding)
                if not shared.as_json:
                    _show(finding)
        return found

    found = asyncio.run(go())
    failed, warned = (sum(one.status == status for one in found) for status in ("fail", "warn"))
    if shared.as_json:
        print_json({"sound": not failed, "checks": found})
    else:
        click.echo(f"{len(found)} checks, {failed} failed, {warned} to think about.")
    if failed:
        raise click.exceptions.Exit(1)


def _show(finding: Finding) -> None:
    click.echo(f"{finding.status}  {finding.check:<17} {plain(finding.sentence)}")
    if finding.remedy:
        click.echo(f"{'':<24}{plain(finding.remedy)}")
