"""A conversation whose context was made shorter goes on with the same requests, bit by bit, in forks and resumes."""

from __future__ import annotations

import contextlib
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from engine import trust
from engine.core.replay import verify as replay
from engine.events import types as t
from engine.events.reader import Reader
from engine.models.compaction import LEFT_OUT
from engine.models.protocol import Message, Request
from engine.queries.audit import verify as audit
from engine.run.workspace import Workspace
from tests.crash.test_models_of_the_table import happened, start
from tests.fakes.anthropic_server import AnthropicServer
from tests.fakes.serving import Server
from tests.playing import call, payloads, small
from tests.playing_by_wire import full
from tests.story import story

pytest.importorskip("anthropic", reason="the extra agents is not installed")
pytestmark = pytest.mark.slow

MODEL = "anthropic:claude-sonnet-5-5"
AGENT = ("--agent", "claude", "--agent-model", MODEL, "--model", MODEL, "--generations", "3", "--seed", "5")


class Told(NamedTuple):
    """A finished run, and the server that it was played against."""

    workspace: Path
    server: Server
    statuses: list[int]
    """What the server answered while the run was made."""


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    folder = tmp_path_factory.mktemp("calm")
    with AnthropicServer(full) as server:
        done = call(folder / "w", server.url, "run", small(folder / "times7"), *AGENT, "--name", "first")
        assert done.returncode == 0, done
        yield Told(folder / "w", server, [record.status for record in server.records])


def conversations(workspace: Path) -> list[tuple[Any, ...]]:
    """What the agents of the last run were asked, by the digests of the requests, and where that was made shorter."""
    found: list[tuple[Any, ...]] = []
    with contextlib.closing(Reader.open(workspace / "events.db")) as reader:
        for event in reader.history(reader.find("last").run):
            match payload := event.payload:
                case t.ContextCompacted():
                    found.append((payload,))
                case t.ModelCalled() if payload.role != "task":
                    found.append((payload.place, payload.ordinal, payload.request, payload.reply))
    return found


def is_sound(workspace: Path) -> bool:
    """Whether the last run replays as it was, in a log without problems."""
    with contextlib.closing(Reader.open(workspace / "events.db")) as reader:
        return not audit(reader, Workspace(workspace)).problems and replay(reader, reader.find("last").run).identical


def places(workspace: Path) -> list[int]:
    """The events at which the conversations of a run were made shorter."""
    with contextlib.closing(Reader.open(workspace / "events.db")) as reader:
        history = reader.history(reader.find("last").run)
        return [event.n for event in history if isinstance(event.payload, t.ContextCompacted)]


def test_the_conversations_are_made_shorter(calm: Told) -> None:
    assert len(places(calm.workspace)) == 2
    assert calm.statuses.count(400) == 2
    with contextlib.closing(Reader.open(calm.workspace / "events.db")) as reader:
        asked = [one for one in payloads(calm.workspace, t.ModelCalled) if one.place == "feedback/1/0"]
        assert [LEFT_OUT.encode() in reader.blob(one.request) for one in asked] == [False, False, True, True]


@pytest.mark.parametrize("where", ["at", "after", "before"])
def test_a_fork_goes_on_with_the_same_requests(calm: Told, tmp_path: Path, where: str) -> None:
    workspace = tmp_path / "w"
    trust.remember(shutil.copytree(calm.workspace, workspace))
    told, asked, sent = story(workspace), conversations(workspace), len(calm.server.records)
    at = places(workspace)[0] + {"before": -1, "at": 0, "after": 2}[where]
    done = call(workspace, calm.server.url, "fork", "first", "--at", str(at))
    assert done.returncode == 0, done
    assert conversations(workspace) == asked
    assert story(workspace) == told
    refused = [record.status for record in calm.server.records[sent:]]
    assert refused == [400] * (2 if where == "before" else 1), "only what the fork did not know was asked, and refused"
    assert is_sound(workspace)


def test_a_kill_at_the_compaction_changes_nothing(calm: Told, tmp_path: Path) -> None:
    workspace = tmp_path / "w"
    with AnthropicServer(full) as server:
        running = start(workspace, server, "run", small(tmp_path / "times7"), *AGENT)
        while running.poll() is None and not happened(workspace, t.ContextCompacted, 1):
            time.sleep(0.002)  # between two looks at a condition
        assert running.poll() is None, "it ended too early to be killed"
        running.send_signal(signal.SIGKILL)
        running.wait()
        assert start(workspace, server, "resume", "last").wait(240) == 0
    assert payloads(workspace, t.ContextCompacted) == payloads(calm.workspace, t.ContextCompacted)
    assert left_out(workspace) == left_out(calm.workspace)
    assert story(workspace) == story(calm.workspace)
    assert is_sound(workspace)


def left_out(workspace: Path) -> list[tuple[str, int, list[bool]]]:
    """Which messages of each request are left out; each has those of the request before it, bit by bit."""
    found, before = [], dict[str, list[Message]]()
    with contextlib.closing(Reader.open(workspace / "events.db")) as reader:
        for one in payloads(workspace, t.ModelCalled):
            if one.role == "task":
                continue
            messages = list(msgspec.json.decode(reader.blob(one.request), type=Request).messages)
            found.append((one.place, one.ordinal, [LEFT_OUT in message.text for message in messages]))
            shared = before.get(one.place, [])
            assert [own for own in messages[: len(shared)] if LEFT_OUT not in own.text] == [
                own for own, now in zip(shared, messages, strict=False) if LEFT_OUT not in now.text
            ]
            before[one.place] = messages
    return found
