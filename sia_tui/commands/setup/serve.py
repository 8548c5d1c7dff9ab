"""serve: the app in a browser on this machine."""

from __future__ import annotations

import shlex
import sys

import click

from sia_tui.cli.options import Shared, shared_options


@click.command("serve")
@click.option("--port", type=click.IntRange(1, 65535), default=8420, show_default=True, help="Port on 127.0.0.1.")
@shared_options
def serve(port: int, shared: Shared) -> None:
    """Serve the app to a browser, at an address that only this machine reaches.

    There is no password: whoever reaches the address can do all that the app can. Do not put a proxy in front of it.

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
