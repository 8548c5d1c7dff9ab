"""data get: download and check the data of a domain."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from sia_tui.cli.options import Shared, UserPath, shared_options
from sia_tui.cli.output import echo, print_json, say


@click.group("data")
def data() -> None:
    """The data of tasks."""


@data.command("get")
@click.argument("domain")
@click.option("--data", "folder", type=UserPath(), help="Check this folder instead of downloading.")
@shared_options
def get(domain: str, folder: Path | None, shared: Shared) -> None:
    """Download and check the data of DOMAIN; intact files are not downloaded again.

    Example: sia data get lawbench
    """
    from engine.grading.loader import find
    from engine.run.domain_session import describe

    _, counts, title = asyncio.run(describe(find(domain), folder, say))
    say(title)
    if shared.as_json:
        print_json({"domain": domain, "counts": counts})
    else:
        echo(f"{domain}: " + ", ".join(f"{count} {split}" for split, count in counts.items()))
