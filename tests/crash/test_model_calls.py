"""kill -9 of an engine whose models are on a server that lives on: no request that was answered is sent again."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import pytest

from engine.core.replay import verify as replay
from engine.events import types as t
from engine.events.reader import Reader
from engine.models.backends.anthropic import wire
from engine.models.known_models import known
from engine.models.protocol import Request
from engine.queries.audit import verify as audit
from engine.run.workspace import Workspace
from sia_tui.cli.limits import cores
from tests.crash.test_kill import events_in, wait_for
from tests.fakes.serving import process
from tests.playing import call, environment, small
from tests.story import sia, story

pytest.importorskip("anthropic", reason="the extra agents is not installed")

FAKE = "tests.fakes.anthropic_server"
AGENTS = ("--agent", "claude", "--model", "anthropic:claude-haiku-4-5")


def start(workspace: Path, url: str, *arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        sia(workspace, *arguments, "--headless"),
        env=environment(url),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def calls(workspace: Path) -> Iterator[tuple[t.ModelCalled, str]]:
    """The replies that are in the log, each with its request as the server saw it."""
    with contextlib.closing(Reader.open(workspace / "events.db")) as reader:
        for event in reader.history(reader.find("last").run):
            if isinstance(call := event.payload, t.ModelCalled) and not call.reused:
                request = msgspec.json.decode(reader.blob(call.request), type=Request)
                yield call, json.dumps(wire(request, known(request.weights))["messages"])


def kept(workspace: Path) -> Counter[str]:
    """How many replies to a request are in the log: as many as instances have the same text, or one."""
    return Counter(request for _, request in calls(workspace))


def kill_and_resume(
    workspace: Path,
    domain: str,
    generations: int,
    moments: Sequence[int],
    *,
    game: str = "play",
    patience_s: float = 120,
) -> None:
    """Kills the engine at each of `moments`, and shows that no request that was answered was sent again."""
    on_disk: list[Counter[str]] = []
    with process(FAKE, f"tests.playing:{game}") as server:
        running = start(workspace, server.url, "run", domain, *AGENTS, "--generations", str(generations))
        for moment in moments:
            if wait_for(running, workspace / "events.db", moment):
                running.send_signal(signal.SIGKILL)
                running.wait()
                on_disk.append(kept(workspace))
                running = start(workspace, server.url, "resume", "last")
        assert running.wait(patience_s) == 0
        answered = Counter(json.dumps(record.body["messages"]) for record in server.records if record.answered)
    assert len(on_disk) > len(moments) // 2, "the run was killed too rarely to show anything"

    # A reply that is under way when its engine dies reaches nobody: only such a request may be sent again.
    final = kept(workspace)
    for request, count in answered.items():
        once = max(1, final[request])
        assert count <= once + sum(known[request] < once for known in on_disk)
    assert answered.total() - final.total() <= len(on_disk) * cores()
    places = Counter((call.role, call.place, call.ordinal, call.request) for call, _ in calls(workspace))
    assert set(places.values()) == {1}, "a reply was kept twice"
    with contextlib.closing(Reader.open(workspace / "events.db")) as reader:
        assert audit(reader, Workspace(workspace)).problems == []
        assert replay(reader, reader.find("last").run).identical


def test_kills_while_models_are_asked_send_no_answered_request_again(tmp_path: Path) -> None:
    kill_and_resume(tmp_path / "w", small(tmp_path / "times7"), 2, [8, 50])


@pytest.mark.slow
def test_ten_kills_change_nothing(tmp_path: Path) -> None:
    toy, calm, stormy = small(tmp_path / "times7"), tmp_path / "calm", tmp_path / "stormy"
    with process(FAKE, "tests.playing:play") as server:
        assert call(calm, server.url, "run", toy, *AGENTS, "--generations", "3").returncode == 0
    total = events_in(calm / "events.db")
    kill_and_resume(stormy, toy, 3, sorted(random.Random(3).sample(range(4, total - 1), 10)))
    assert story(stormy) == story(calm)


@pytest.mark.slow
@pytest.mark.lawbench
@pytest.mark.timeout(2400)
@pytest.mark.skipif("SIA_LONG" not in os.environ, reason="`make test-long` runs it; ten kills on the toy are above")
def test_ten_kills_on_lawbench_send_no_answered_request_again(tmp_path: Path) -> None:
    moments = [6, 40, 400, 900, 1400, 2000, 2500, 3000, 3600, 4200]
    kill_and_resume(tmp_path / "w", "lawbench", 2, moments, game="play_lawbench", patience_s=1200)
