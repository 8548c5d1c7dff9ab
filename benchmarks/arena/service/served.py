"""A server that answers in a thread of its own for the time of a `with`."""

from __future__ import annotations

import socketserver
import threading
from typing import Self


class Served:
    """Serves from the beginning of a `with` to its end."""

    def __init__(self, server: socketserver.BaseServer) -> None:
        self._server = server
        self._thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
