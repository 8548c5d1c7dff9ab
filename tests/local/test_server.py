"""llama-cpp-python's own server, spoken to as a server with OpenAI's API. Run by `make test-local`."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from engine.errors import SiaError
from engine.events import types as t
from engine.events.reader import Reader
from engine.models.protocol import Message, Model, Request
from tests.playing import call, payloads, small

pytest.importorskip("llama_cpp", reason="needs the extra local")
pytest.importorskip("starlette_context", reason="needs llama-cpp-python[server]")
pytest.importorskip("httpx2", reason="needs the extra agents")

from engine.models.backends.llamacpp import LlamaCpp
from engine.models.backends.servers import kind_of
from engine.models.catalog import open_model, parse
from engine.models.files.f16 import convert
from engine.user_settings import UserSettings
from tests.local.test_loop import ASKS

pytestmark = pytest.mark.local
ASK = [Message("user", "Name a colour of the sky in one word.")]
WAIT_S = 120.0


@pytest.fixture(scope="session")
def file(shipped: Path) -> Path:
    return convert(shipped)


@pytest.fixture(scope="module")
def url(file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The server with SmolLM2, once it answers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "llama_cpp.server", "--model", str(file), "--model_alias", "smollm2"]
    command += ["--host", "127.0.0.1", "--port", str(port), "--n_ctx", "2048"]
    log = tmp_path_factory.mktemp("server") / "log"
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output, env=os.environ) as server:
        try:
            address = f"http://127.0.0.1:{port}/v1"
            deadline = time.monotonic() + WAIT_S
            while not _answers(address):
                assert server.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.1)
            yield address
        finally:
            server.terminate()
            server.wait(WAIT_S)


def _answers(url: str) -> bool:
    with contextlib.suppress(SiaError):
        return bool(asyncio.run(kind_of(url)))
    return False


def request(**more: Any) -> Request:
    return Request("smollm2", ASK, **{"max_tokens": 12, **more})


def test_it_is_known_and_gives_valid_counted_seeded_replies(url: str, file: Path) -> None:
    async def go() -> None:
        model: Model = await open_model(parse(f"openai:smollm2@{url}"), UserSettings())
        within = LlamaCpp(file)
        try:
            pieces: list[str] = []
            greedy = await model.chat(request(), pieces.append)
            assert "".join(pieces) == greedy.text
            same = await within.chat(request())
            assert (greedy.text.strip(), greedy.finish, greedy.usage) == (same.text.strip(), same.finish, same.usage)
            one = [await model.chat(request(temperature=1.0, seed=seed)) for seed in (5, 6, 5)]
            assert one[0] == one[2] != one[1]
            choice = await model.chat(request(choices=["blue", 'a "quoted" one']))
            assert choice.text in ("blue", 'a "quoted" one')
            schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
            assert isinstance(json.loads((await model.chat(request(schema=schema, max_tokens=40))).text)["n"], int)
        finally:
            await model.close()
            await within.close()

    asyncio.run(go())
    assert asyncio.run(kind_of(url)) == "llamacpp"


def test_a_whole_run_goes_through_it_and_the_same_seed_gives_the_same_replies(url: str, tmp_path: Path) -> None:
    toy = small(tmp_path / "times7")
    (Path(toy) / "harness" / "agent.py").write_text(ASKS)
    told = []
    with counting(url) as (front, answered):
        for name in ("one", "two"):
            run = ("run", toy, "--model", f"openai:smollm2@{front}", "--generations", "1", "--seed", "5", "--json")
            done = call(tmp_path / name, "", *run, patience_s=600)
            assert done.returncode == 0, done
            calls = payloads(tmp_path / name, t.ModelCalled)
            assert len(calls) == 12 + 4
            assert all(0 < one.usage.output <= 8 for one in calls)
            counted = Counter((one.usage.input, one.usage.output) for one in calls)
            assert counted == Counter(answered), "the log has what the server counted"
            answered.clear()
            told.append({(one.place, one.ordinal): (said(tmp_path / name, one), one.usage) for one in calls})
            assert json.loads(call(tmp_path / name, "", "replay", "last", "--verify", "--json").stdout)["identical"]
    assert told[0] == told[1]
    assert len({text for text, _ in told[0].values()}) > 1, "they are no constant"


def said(workspace: Path, one: t.ModelCalled) -> str:
    """The text of a reply in the log."""
    with contextlib.closing(Reader.open(workspace / "events.db")) as reader:
        return str(json.loads(reader.blob(one.reply))["text"])


@contextlib.contextmanager
def counting(url: str) -> Iterator[tuple[str, list[tuple[int, int]]]]:
    """An address that passes all on to `url`, and the tokens (of prompt, of reply) that the server said it counted."""
    counted: list[tuple[int, int]] = []

    class Front(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._pass(None)

        def do_POST(self) -> None:
            self._pass(self.rfile.read(int(self.headers["content-length"])))

        def _pass(self, body: bytes | None) -> None:
            request = urllib.request.Request(url.removesuffix("/v1") + self.path, body)  # noqa: S310
            request.add_header("content-type", "application/json")
            with urllib.request.urlopen(request, timeout=WAIT_S) as response:  # noqa: S310
                raw = response.read()
            if usage := json.loads(raw).get("usage"):
                counted.append((usage["prompt_tokens"], usage["completion_tokens"]))
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Front) as front:
        threading.Thread(target=front.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{front.server_port}/v1", counted
        front.shutdown()
