"""kill -9 of an engine whose models are on a server that lives on: no request that was answered is sent again."""

from __future__ import annotations

import contextlib
import json
import random
import signal
import subprocess
from collections import Counter
from pathlib import Path

import msgspec
import pytest

from engine.events import types as t
from engine.events.reader import Reader
from engine.loop.audit import verify as audit
from engine.loop.replay import verify as replay
from engine.loop.workspace import Workspace
from engine.models.anthropic import wire
from engine.models.protocol import Request
from sia_tui.driving import cores
from tests.crash.test_kill import events_in, wait_for
from tests.fakes.serving import process
from tests.playing import call, environment, small
from tests.story import sia, story

pytest.importorskip("anthropic", reason="the extra agents is not installed")

SERVER = ("tests.fakes.anthropic_server", "tests.playing:play")
AGENTS = ("--agent", "claude", "--model", "anthropic:claude-haiku-4-5", "--generations", "3")
MOMENTS = 10


def start(workspace: Path, url: str, *arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        sia(workspace, *arguments, "--headless"),
        env=environment(url),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def kept(workspace: Path) -> Counter[str]:
    """The requests whose replies are in the log, as the server saw them."""
    found: Counter[str] = Counter()
    with contextlib.closing(Reader.open(workspace / "events.db")) as reader:
        for event in reader.history(reader.find("last").run):
            if isinstance(call := event.payload, t.ModelCalled) and not call.reused:
                request = msgspec.json.decode(reader.blob(call.request), type=Request)
                found[json.dumps(wire(request)["messages"])] += 1
    return found


def test_ten_kills_send_no_answered_request_again(tmp_path: Path) -> None:
    toy, calm, stormy = small(tmp_path / "times7"), tmp_path / "calm", tmp_path / "stormy"
    with process(*SERVER) as server:
        assert call(calm, server.url, "run", toy, *AGENTS).returncode == 0
    total = events_in(calm / "events.db")

    moments = sorted(random.Random(3).sample(range(4, total - 1), MOMENTS))
    on_disk: list[Counter[str]] = []
    with process(*SERVER) as server:
        running = start(stormy, server.url, "run", toy, *AGENTS)
        for moment in moments:
            if wait_for(running, stormy / "events.db", moment):
                running.send_signal(signal.SIGKILL)
                running.wait()
                on_disk.append(kept(stormy))
                running = start(stormy, server.url, "resume", "last")
        assert running.wait(120) == 0
        answered = Counter(json.dumps(record.body["messages"]) for record in server.records if record.answered)
    assert len(on_disk) >= MOMENTS // 2, "the run was killed too rarely to show anything"

    # A reply that is under way when its engine dies reaches nobody: only such a request may be sent twice.
    for request, count in answered.items():
        assert count <= 1 + sum(request not in known for known in on_disk)
    assert answered.total() - kept(stormy).total() <= len(on_disk) * cores()
    assert set(kept(stormy).values()) == {1}, "a reply was kept twice"
    assert story(stormy) == story(calm)
    with contextlib.closing(Reader.open(stormy / "events.db")) as reader:
        assert audit(reader, Workspace(stormy)).problems == []
        assert replay(reader, reader.find("last").run).identical
