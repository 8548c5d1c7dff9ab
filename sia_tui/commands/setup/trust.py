"""trust: say once that a workspace or a task may be used and executed, or that a server may be sent prompts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from sia_tui.cli.options import Shared, shared_options
from sia_tui.cli.output import echo, print_json

if TYPE_CHECKING:
    from engine.trust import Place


@click.command("trust")
@click.argument("named", metavar="[DIR|URL]...", nargs=-1)
@click.option("--list", "listed", is_flag=True, help="List what you trust, as without arguments.")
@click.option("--forget", is_flag=True, help="No longer trust DIR or URL.")
@shared_options
def trust(named: tuple[str, ...], *, listed: bool, forget: bool, shared: Shared) -> None:
    """Trust a workspace, or the code or data of a task in DIR, that somebody else made, or a model server at URL.
    Without arguments, list what you trust.

    What you name to run, and the workspaces that sia makes for you, are trusted without this.

    Example: sia trust tickets
    """
    from engine import trust as trusted
    from engine.domain_files import check_path
    from engine.errors import SiaError

    if (listed or not named) and (forget or named):
        raise click.UsageError("--list takes no DIR, and --forget needs one.")
    if not all(map(str.strip, named)):
        check_path("")
    for place in map(trusted.place_of, named):
        for one in _with_workspace(place):
            if not forget:
                trusted.remember(one)
            elif not trusted.forget(one) and one == place:
                raise SiaError(f"you did not trust {place}", "`sia trust` lists what you trust")
    paths = [record.path for record in trusted.records()]
    if shared.as_json:
        print_json({"trusted": paths})
    elif not named:
        echo("\n".join(paths) if paths else "Nothing is trusted yet.")
    else:
        names = " and ".join(named)
        echo(f"{names} is no longer trusted." if forget else f"{names} is trusted.")


def _with_workspace(place: Place) -> list[Place]:
    return [place / ".sia", place] if isinstance(place, Path) and (place / ".sia").is_dir() else [place]
