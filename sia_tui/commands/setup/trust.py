"""trust: say that a workspace or a task may be used and executed, once."""

from __future__ import annotations

from pathlib import Path

import click

from sia_tui.cli.options import Shared, shared_options
from sia_tui.cli.output import echo, print_json


@click.command("trust")
@click.argument("places", metavar="[DIR]...", nargs=-1, type=click.Path(path_type=Path))
@click.option("--list", "listed", is_flag=True, help="List what you trust, as without DIR.")
@click.option("--forget", is_flag=True, help="No longer trust DIR.")
@shared_options
def trust(places: tuple[Path, ...], *, listed: bool, forget: bool, shared: Shared) -> None:
    """Trust a workspace, or the code or data of a task in DIR, that somebody else made; without DIR, list them.

    What you name to run, and the workspaces that sia makes for you, are trusted without this.

    Example: sia trust tickets
    """
    from engine import trust as trusted
    from engine.errors import SiaError

    if (listed or not places) and (forget or places):
        raise click.UsageError("--list takes no DIR, and --forget needs one.")
    for place in places:
        for one in [place / ".sia", place] if (place / ".sia").is_dir() else [place]:
            if not forget:
                trusted.remember(one)
            elif not trusted.forget(one) and one == place:
                raise SiaError(f"you did not trust {place}", "`sia trust` lists what you trust")
    paths = [record.path for record in trusted.records()]
    if shared.as_json:
        print_json({"trusted": paths})
    elif not places:
        echo("\n".join(paths) if paths else "Nothing is trusted yet.")
    else:
        names = " and ".join(map(str, places))
        echo(f"{names} is no longer trusted." if forget else f"{names} is trusted.")
