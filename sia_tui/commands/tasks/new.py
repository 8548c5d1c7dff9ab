"""new: a task of the user's own, from a template."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import click

from sia_tui.cli.options import Shared, UserPath, shared_options
from sia_tui.cli.output import echo, print_json


@click.command("new")
@click.argument("folder", metavar="DIR", type=UserPath())
@click.option("--template", help="classify, program, artefact or judge.  [default: asks]")
@shared_options
def new(folder: Path, template: str | None, shared: Shared) -> None:
    """Create a task in DIR from a template. It runs at once; change it into yours.

    Example: sia new tickets --template classify
    """
    from engine.domain_check.templates import create

    written = create(folder, template or _ask(shared))
    if shared.as_json:
        print_json({"folder": str(folder), "files": [path.relative_to(folder).as_posix() for path in written]})
        return
    for path in written:
        echo(f"  {path}")
    here = shlex.quote(str(folder))
    echo(f"Run it with:  sia run {here}. {folder / 'README.md'} says what to change.")


def _can_ask(shared: Shared) -> bool:
    return sys.stdin.isatty() and not (shared.headless or shared.as_json)


def _ask(shared: Shared) -> str:
    """Asks for the template, in a terminal."""
    from engine.domain_check.templates import ABOUT
    from engine.errors import SiaError

    if not _can_ask(shared):
        raise SiaError("a new task needs a template", f"pass --template {' or '.join(ABOUT)}")
    for name, about in ABOUT.items():
        echo(f"  {name:<10}{about}")
    return str(click.prompt("Which is most like your task?", type=click.Choice(list(ABOUT)), default="classify"))
