"""serve: the app in a browser, on this machine only."""

from __future__ import annotations

import shlex
import sys

import click

from sia_tui.cli.options import Shared, shared_options


@click.command("serve")
@click.option("--port", type=click.IntRange(1, 65535), default=8420, show_default=True, help="On 127.0.0.1.")
@shared_options
def serve(port: int, shared: Shared) -> None:
    """The app in a browser, at an address that only this machine reaches.

    Whoever can reach the address can do all that the app can: there is no password. Put nothing in front of it.

    Example: sia serve --port 8420
    """
    from engine.errors import SiaError

    try:
        from textual_serve.server import Server
    except ModuleNotFoundError:
        raise SiaError(
            "the app in a browser needs textual-serve, which is not installed", "`pip install 'sia-tui[serve]'`"
        ) from None
    command = shlex.join([sys.executable, "-m", "sia_tui", "--workspace", str(shared.workspace.path)])
    Server(command, host="127.0.0.1", port=port, title="sia").serve()
