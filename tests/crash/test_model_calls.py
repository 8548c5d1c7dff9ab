"""kill -9 of an engine whose models are on a server that lives on: no request that was answered is sent again."""

from __future__ import annotations

import contextlib
import json
import random
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from engine.events import types as t
from engine.events.reader import Reader
from engine.loop.audit import verify as audit
from engine.loop.replay import verify as replay
from engine.loop.workspace import Workspace
from tests.crash.test_kill import events_in, wait_for
from tests.fakes.serving import process
from tests.playing import call, environment, payloads, small
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


def test_ten_kills_send_no_answered_request_again(tmp_path: Path) -> None:
    toy, calm, stormy = small(tmp_path / "times7"), tmp_path / "calm", tmp_path / "stormy"
    with process(*SERVER) as server:
        assert call(calm, server.url, "run", toy, *AGENTS).returncode == 0
    total = events_in(calm / "events.db")

    moments = sorted(random.Random(3).sample(range(4, total - 1), MOMENTS))
    with process(*SERVER) as server:
        running = start(stormy, server.url, "run", toy, *AGENTS)
        kills = 0
        for moment in moments:
            if wait_for(running, stormy / "events.db", moment):
                running.send_signal(signal.SIGKILL)
                running.wait()
                kills += 1
                running = start(stormy, server.url, "resume", "last")
        assert running.wait(120) == 0
        assert kills >= MOMENTS // 2, "the run was killed too rarely to show anything"
        answered = Counter(json.dumps(record.body) for record in server.records if record.answered)

    # a reply that was on its way when its engine died was never received: at most one for each worker and kill
    sent_again = sum(count - 1 for count in answered.values())
    kept = [one for one in payloads(stormy, t.ModelCalled) if not one.reused]
    assert answered.total() - len(kept) <= sent_again + 0 + kills * _workers()
    assert story(stormy) == story(calm)
    with contextlib.closing(Reader.open(stormy / "events.db")) as reader:
        assert audit(reader, Workspace(stormy)).problems == []
        assert replay(reader, reader.find("last").run).identical
    assert len({(one.place, one.ordinal, one.request) for one in kept}) == len(kept), "a reply was kept twice"


def _workers() -> int:
    from sia_tui.driving import cores

    return cores()


assert sys.version_info >= (3, 11)
