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
    """Serve the app to your browser, at an address with a token that this command prints.

    The token is new each time. Other users of this machine and web pages do not know it; whoever has it can do all
    that you can.

    Example: sia serve --port 8420
    """
    from engine.errors import SiaError

    try:
        from sia_tui.cli.processes.browser_server import BrowserServer
    except ModuleNotFoundError:
        raise SiaError(
            "the app in a browser needs textual-serve, which is not installed", "`pip install 'sia-tui[serve]'`"
        ) from None
    # -P: a module in the current folder is not the user's
    command = shlex.join([sys.executable, "-P", "-m", "sia_tui", "--workspace", str(shared.workspace.path)])
    BrowserServer(command, port).serve()
