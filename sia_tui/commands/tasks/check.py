"""check: examine a task before a run."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sia_tui.cli.formats import plural
from sia_tui.cli.limits import cores
from sia_tui.cli.options import Shared, UserPath, shared_options
from sia_tui.cli.output import echo, print_json, say

if TYPE_CHECKING:
    from engine.domain_check.finding import Finding


@click.command("check")
@click.argument("domain", metavar="DIR")
@click.option("--data", type=UserPath(), help="Folder of the domain's data.")
@click.option("--model", default="", help="Language model that the seed harness calls as ctx.model.")
@click.option("--judge", default="", help="Language model that grades answers; its noise is measured.")
@click.option(
    "--install", "wants_packages", is_flag=True, help="Install the packages of the seed harness, for it only."
)
@click.option("--unsafe-no-sandbox", "unsafe", is_flag=True, help="Run the seed harness without a sandbox.")
@shared_options
def check(
    domain: str,
    data: Path | None,
    model: str,
    judge: str,
    shared: Shared,
    *,
    wants_packages: bool,
    unsafe: bool,
) -> None:
    """Check the task in DIR before you spend anything on it. Exit status 1 if a check fails.

    Example: sia check tickets
    """
    from engine.domain_check.assessor import caller
    from engine.domain_check.examination import examine
    from engine.evaluation import harness_packages
    from engine.grading.loader import find
    from engine.run.domain_session import choose_isolation
    from harness_repo.harness import read_folder

    if wants_packages:
        harness_packages.install(read_folder(find(domain).seed(model)), say)

    async def go() -> list[Finding]:
        isolation = choose_isolation(unsafe=unsafe)
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
        echo(f"{plural(len(found), 'check')}, {failed} failed, {plural(warned, 'warning')}.")
    if failed:
        raise click.exceptions.Exit(1)


def _show(finding: Finding) -> None:
    echo(f"{finding.status}  {finding.check:<17} {finding.sentence}")
    if finding.remedy:
        echo(f"{'':<24}{finding.remedy}")
