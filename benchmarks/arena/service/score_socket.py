"""The scorer behind a Unix socket, for graders that have no network: a line of JSON is asked, and one answered."""

from __future__ import annotations

import json
import socketserver
import tempfile
import threading
from pathlib import Path

from benchmarks.arena.service.account import Account


class ScoreSocket:
    """A socket for the time of a `with`; its path is short, as the system wants it."""

    def __init__(self, account: Account) -> None:
        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                for line in self.rfile:
                    found = account.evaluate(json.loads(line)["program"])
                    self.wfile.write(json.dumps({"score": found.score, "error": found.error}).encode() + b"\n")

        self._folder = tempfile.TemporaryDirectory(prefix="arena-")
        self.path = Path(self._folder.name) / "score"
        self._server = socketserver.ThreadingUnixStreamServer(str(self.path), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    def __enter__(self) -> ScoreSocket:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        self._folder.cleanup()
