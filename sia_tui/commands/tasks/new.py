"""new: a task of the user's own, from a template."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import click

from sia_tui.cli.options import Shared, shared_options
from sia_tui.cli.output import plain, print_json


@click.command("new")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--template", help="classify, program, artefact or judge.  [default: asks]")
@shared_options
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


def _can_ask(shared: Shared) -> bool:
    return sys.stdin.isatty() and not (shared.headless or shared.as_json)


def _ask(shared: Shared) -> str:
    """The template that a person at a terminal chooses."""
    from engine.domain_check.templates import ABOUT
    from engine.errors import SiaError

    if not _can_ask(shared):
        raise SiaError(
            "a new task needs a template, and nobody can be asked here", f"pass --template {' or '.join(ABOUT)}"
        )
    for name, about in ABOUT.items():
        click.echo(f"  {name:<10}{about}")
    return str(click.prompt("Which is most like your task?", type=click.Choice(list(ABOUT)), default="classify"))
