"""The scorer behind a Unix socket, for graders that have no network: a line of JSON is asked, and one answered."""

from __future__ import annotations

import json
import socketserver
import tempfile
from pathlib import Path

from benchmarks.arena.service.account import Account
from benchmarks.arena.service.served import Served


class ScoreSocket(Served):
    """A socket for the time of a `with`; its path is short, as the system wants it."""

    def __init__(self, account: Account) -> None:
        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                for line in self.rfile:
                    found = account.evaluate(json.loads(line)["program"])
                    self.wfile.write(json.dumps({"score": found.score, "error": found.error}).encode() + b"\n")

        self._folder = tempfile.TemporaryDirectory(prefix="arena-")
        self.path = Path(self._folder.name) / "score"
        server = socketserver.ThreadingUnixStreamServer(str(self.path), Handler)
        server.daemon_threads = True
        super().__init__(server)

    def __exit__(self, *_: object) -> None:
        super().__exit__()
        self._folder.cleanup()
