"""The arena's server on loopback: `/v1/chat/completions`, `/v1/models` and `/score`, for one cell."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from benchmarks.arena.proposer import Reply
from benchmarks.arena.proposer.found import program
from benchmarks.arena.service import wire
from benchmarks.arena.service.account import Account
from benchmarks.arena.service.served import Served
from benchmarks.arena.service.upstream import Refused

MODEL = "proposer"
Replies = Callable[[int, Mapping[str, Any]], Reply]
"""The model: its reply to the request of this number."""


class Service(Served):
    """A server for the time of a `with`. `ended` is set once a proposal was refused."""

    def __init__(self, account: Account, replies: Replies, model: str = MODEL) -> None:
        self.ended, self.model = threading.Event(), model
        server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(account, replies, model, self.ended))
        super().__init__(server)
        self.url = f"http://127.0.0.1:{server.server_port}"
        """The server's address, without a path."""


def _handler(account: Account, replies: Replies, model: str, ended: threading.Event) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            if self.path.rstrip("/").endswith("/models"):
                one = {"id": model, "object": "model", "created": 0, "owned_by": "arena"}
                return self._say(200, {"object": "list", "data": [one]})
            return self._unknown()

        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            try:
                body = json.loads(content)
            except ValueError:
                return self._say(400, wire.error("the body is not JSON", "invalid_request_error"))
            if self.path == "/score" and isinstance(body.get("program"), str):
                found = account.evaluate(body["program"])
                return self._say(200, {"score": found.score, "error": found.error})
            if self.path.endswith("/chat/completions"):
                return self._complete(body)
            return self._unknown()

        def _complete(self, body: Mapping[str, Any]) -> None:
            number = account.take()
            if number is None:
                ended.set()
                text = "You exceeded your current quota: the budget of proposals is spent."
                return self._say(wire.REFUSED, wire.error(text, "insufficient_quota"), {"x-should-retry": "false"})
            sent = wire.length(body)
            try:
                reply = replies(number, body)
            except Refused as error:
                account.give_back(str(error))
                return self._say(error.status, wire.error(str(error), "upstream"))
            account.told(program(body), sent, reply.length)
            made = wire.whole(number, model, sent, reply)
            if not body.get("stream"):
                return self._say(200, made)
            return self._send(200, wire.streamed(made), "text/event-stream")

        def _unknown(self) -> None:
            self._say(404, wire.error(f"there is nothing at {self.path}", "not_found"))

        def _say(self, status: int, body: Mapping[str, Any], headers: Mapping[str, str] = {}) -> None:
            self._send(status, [json.dumps(body).encode()], "application/json", headers)

        def _send(
            self,
            status: int,
            parts: Iterable[bytes],
            kind: str,
            headers: Mapping[str, str] = {},
        ) -> None:
            content = b"".join(parts)
            self.send_response(status)
            for name, value in {"Content-Type": kind, "Content-Length": str(len(content)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Says nothing of requests."""

    return Handler
