"""gc: what no run needs."""

from __future__ import annotations

import click

from sia_tui.cli import formats
from sia_tui.cli.options import Shared, shared_options
from sia_tui.cli.output import echo, print_json


@click.command("gc")
@click.option("--yes", is_flag=True, help="Delete it; without --yes, only list it.")
@shared_options
def gc(yes: bool, shared: Shared) -> None:
    """Find what no run needs: blobs, temporary files, dead locks and sockets.

    Example: sia gc
    """
    import msgspec

    from engine.transfer.garbage import survey, sweep

    found = sweep(shared.workspace) if yes else survey(shared.workspace)
    if shared.as_json:
        print_json({**msgspec.to_builtins(found), "removed": yes})
        return
    for path in found.files:
        echo(path)
    blobs = f"{formats.plural(found.blobs, 'blob')} ({formats.size(found.blob_bytes)})"
    files = f"{formats.plural(len(found.files), 'file')} ({formats.size(found.file_bytes)})"
    more = "" if yes or not (found.blobs or found.files) else "; delete them with:  sia gc --yes"
    echo(f"{blobs} and {files} {'deleted' if yes else 'are needed by no run'}{more}.")
