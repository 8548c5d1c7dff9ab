"""rebuild: derived tables and git repository, from the events."""

from __future__ import annotations

import click

from sia_tui.cli.formats import plural
from sia_tui.cli.options import Shared, shared_options
from sia_tui.cli.output import echo, print_json


@click.command("rebuild")
@shared_options
def rebuild(shared: Shared) -> None:
    """Rebuild the derived tables and the git repository from the events; commits keep their ids.

    Example: sia rebuild
    """
    import msgspec

    from engine.transfer.rebuild import rebuild as restored

    done = restored(shared.workspace)
    if shared.as_json:
        print_json(msgspec.to_builtins(done))
    else:
        events, commits = plural(done.events, "event"), plural(done.commits, "commit")
        echo(f"rebuilt from {events}: {commits}, {plural(done.refs, 'ref')}.")
