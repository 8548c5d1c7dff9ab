"""A scripted HTTP server on loopback that counts what it answered: in a thread, or as a process that outlives others.

What a fake API has in common: a request becomes an `Answer`, which may be slow, break off, or end too early; and for
each request a `Record` says whether its answer was sent whole.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Literal, NamedTuple

ROOT = Path(__file__).parents[2]
WAIT_S = 30.0
End = Literal["whole", "broken", "early"]


class Asked(NamedTuple):
    """A request: its number, counted from 1, and what it carries."""

    n: int
    path: str
    headers: Mapping[str, str]
    body: dict[str, Any]


class Answer(NamedTuple):
    """The bytes that go back; a body in `pieces` is sent chunked, with `pause_s` before each of them.

    `broken` drops the connection after the last piece, `early` ends the body in good order: both before it is whole.
    `announced` is the length that is told of a body that does not come in chunks, where it is not that of the pieces.
    """

    status: int
    headers: Mapping[str, str]
    pieces: Sequence[bytes]
    streamed: bool = False
    end: End = "whole"
    pause_s: float = 0.0
    announced: int | None = None


class Record(NamedTuple):
    """What became of a request; `whole` means that all of its answer was handed to the connection."""

    n: int
    path: str
    body: dict[str, Any]
    status: int
    whole: bool

    @property
    def answered(self) -> bool:
        """Whether the client was given a whole reply, which it should never have to ask for again."""
        return self.whole and self.status == 200


def in_order(records: Iterable[Record]) -> list[Record]:
    """Records by their number: a client may ask again before the last thing that it was told is written down."""
    return sorted(records, key=lambda record: record.n)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128  # with the usual 5, the kernel breaks some of the connections that come at once


class Server:
    """Answers on 127.0.0.1 until it is closed."""

    def __init__(
        self, answer: Callable[[Asked], Answer], note: Callable[[Record], None] | None = None, port: int = 0
    ) -> None:
        self.records: list[Record] = []
        self.changed = threading.Condition()
        self._note = note
        self._answer = answer
        self._count = 0
        self._http = _Server(("127.0.0.1", port), _handler(self))
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        return self._http.server_port

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def plan(self, path: str, headers: Mapping[str, str], body: dict[str, Any]) -> tuple[Asked, Answer]:
        """The request with its number, and what it is answered."""
        with self.changed:
            self._count += 1
            asked = Asked(self._count, path, headers, body)
        return asked, self._answer(asked)

    def keep(self, record: Record) -> None:
        """Records the outcome of a request, and notifies those who wait for it."""
        with self.changed:
            self.records.append(record)
            if self._note:
                self._note(record)
            self.changed.notify_all()

    def wait_for(self, count: int) -> list[Record]:
        """The records, once there are `count` of them."""
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.records) >= count, WAIT_S), "too few requests came"
            return in_order(self.records)

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join(WAIT_S)

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _handler(server: Server) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers.get("content-length", 0)))
            self._respond(json.loads(raw) if raw else {})

        def do_GET(self) -> None:
            self._respond({})

        def _respond(self, body: dict[str, Any]) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            asked, answer = server.plan(self.path, headers, body)
            whole = False
            try:
                self._send(answer)
                whole = answer.end == "whole"
            except OSError:
                self.close_connection = True  # whoever asked is gone
            server.keep(Record(asked.n, asked.path, body, answer.status, whole))

        def _send(self, answer: Answer) -> None:
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            if answer.streamed:
                self.send_header("transfer-encoding", "chunked")
            else:
                length = sum(map(len, answer.pieces)) if answer.announced is None else answer.announced
                self.send_header("content-length", str(length))
            self.end_headers()
            for piece in answer.pieces:
                if answer.pause_s:
                    time.sleep(answer.pause_s)
                self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece) if answer.streamed else piece)
            if answer.end == "broken":
                self.close_connection = True
            elif answer.streamed:
                self.wfile.write(b"0\r\n\r\n")

        def handle(self) -> None:
            with contextlib.suppress(ConnectionError):  # whoever asked is gone
                super().handle()

        def log_message(self, *_: object) -> None:
            pass

    return Handler


class Process(NamedTuple):
    """A server in a process of its own."""

    url: str
    record_file: Path

    @property
    def records(self) -> list[Record]:
        """What became of each request so far; a line that is still being written is none yet."""
        *lines, _ = self.record_file.read_text().split("\n")
        return in_order(Record(**json.loads(line)) for line in lines)

    def wait_for(self, count: int) -> list[Record]:
        """The records, once there are `count` of them."""
        deadline = time.monotonic() + WAIT_S
        while len(records := self.records) < count:
            assert time.monotonic() < deadline, "too few requests came"
            time.sleep(0.01)
        return records


@contextlib.contextmanager
def process(module: str, script: str, *arguments: str) -> Iterator[Process]:
    """`python -m module` with the script `file.py:function` or `module:function`, until the block is left."""
    with tempfile.TemporaryDirectory() as folder:
        port, records = Path(folder, "port"), Path(folder, "records")
        records.touch()
        command = [sys.executable, "-m", module, "--script", script, "--port-file", str(port)]
        running = subprocess.Popen([*command, "--record-file", str(records), *arguments], cwd=ROOT)
        try:
            deadline = time.monotonic() + WAIT_S
            while not port.exists():
                assert running.poll() is None, "the server did not start"
                assert time.monotonic() < deadline, "the server does not listen"
                time.sleep(0.01)
            yield Process(f"http://127.0.0.1:{port.read_text()}", records)
        finally:
            running.terminate()
            running.wait(WAIT_S)


def serve(
    make: Callable[..., Server], description: str, options: Callable[[argparse.ArgumentParser], None] | None = None
) -> None:
    """The command line of a fake: serves until it is told to end. `make` takes the script, where each record goes, and
    by name what `options` adds."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--port-file", type=Path, required=True, help="where the port is written once it listens")
    parser.add_argument("--script", required=True, help="file.py:function or module:function, a request -> its plan")
    parser.add_argument("--record-file", type=Path, default=Path(os.devnull), help="a JSON line for each request")
    if options is not None:
        options(parser)
    chosen = parser.parse_args()
    more = {k: v for k, v in vars(chosen).items() if k not in ("port_file", "script", "record_file")}
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with chosen.record_file.open("a", buffering=1) as records:
        note = lambda record: records.write(json.dumps(record._asdict()) + "\n")  # noqa: E731
        server = make(_scripted(chosen.script), note, **more)
        fresh = chosen.port_file.with_suffix(".new")
        fresh.write_text(str(server.port))
        fresh.rename(chosen.port_file)
        with server:
            signal.pause()


def _scripted(where: str) -> Callable[..., Any]:
    module, _, function = where.rpartition(":")
    if module.endswith(".py"):
        sys.path.insert(0, str(Path(module).resolve().parent))
        module = Path(module).stem
    found: Callable[..., Any] = getattr(importlib.import_module(module), function)
    return found
