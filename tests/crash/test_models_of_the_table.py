"""Every model of the table uses tools and thinks, against servers that enforce the documented rules of its vendor.

A run of five generations, with repairs and a kill, is made by one model of each kind: rows of the table that are asked
alike, but for their names. The rules stand, with page and date, in the fakes.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from engine.core.replay import verify as replay
from engine.events import types as t
from engine.events.reader import Reader
from engine.models.backends.anthropic import Anthropic
from engine.models.backends.openai import OpenAI
from engine.models.known_models import MODELS, Known, known
from engine.models.protocol import Message, Model, Reply, Request, Tool
from engine.queries.audit import verify as audit
from engine.run.workspace import Workspace
from sia_tui.cli.limits import cores
from tests.fakes.anthropic_server import KEY, AnthropicServer, Plan, Think, Use
from tests.fakes.openai_server import OpenAIServer
from tests.fakes.openai_server import Plan as Said
from tests.fakes.openai_server import Use as Call
from tests.fakes.serving import Record, Server
from tests.playing import payloads, small
from tests.playing_by_wire import by_openai, each_time_another, full
from tests.story import sia

pytest.importorskip("anthropic", reason="the extra agents is not installed")

TOOL = Tool("look", "Look at a case.", {"type": "object", "properties": {}})


class Kind(NamedTuple):
    """A model that stands for all that are asked alike, and its server."""

    weights: str
    serve: Callable[[], Server]


def claude(name: str, game: Any) -> Kind:
    return Kind(name, lambda: AnthropicServer(game))


def openai(name: str, kind: str = "openai") -> Kind:
    return Kind(name, lambda: OpenAIServer(by_openai, kind=kind, models=[name]))


KINDS = [
    claude("claude-sonnet-5-5", full),  # thinks, is not made to call, takes no temperature; its context is full once
    claude("claude-sonnet-4-6", each_time_another),  # is made to call, and takes a temperature
    claude("claude-opus-4-8", each_time_another),  # is made to call
    openai("gpt-5.5"),  # by the Responses API
    openai("o4-mini"),  # by chat completions
    openai("deepseek-v4-pro", "other"),  # not in the table; wants its reasoning back
]


def asked_as(row: Known) -> tuple[object, ...]:
    """What decides how a model is asked."""
    return row.wire, row.forces, row.samples


def test_each_model_of_the_table_is_asked_like_one_that_runs() -> None:
    assert {asked_as(row) for row in MODELS} <= {asked_as(known(kind.weights)) for kind in KINDS}


def conversation(model: Model, weights: str) -> list[Reply]:
    """Three turns in which the model thinks and calls two tools."""

    async def go() -> list[Reply]:
        messages, replies = [Message("system", "Be brief."), Message("user", "What is six times seven?")], []
        for _ in range(3):
            asked = Request(weights, tuple(messages), tools=[TOOL], tool_choice="any", max_tokens=100)
            reply = await model.chat(asked)
            replies.append(reply)
            messages.append(Message("assistant", reply.text, reply.calls, blocks=reply.blocks))
            messages += [Message("tool", "42", answers=call.id) for call in reply.calls]
        await model.close()
        return replies

    return asyncio.run(go())


@pytest.mark.filterwarnings("ignore:The model:DeprecationWarning")
@pytest.mark.parametrize("names", [
    pytest.param(["claude-opus-5-5", "claude-sonnet-4-6", "gpt-5.5", "o4-mini"], id="some"),
    pytest.param([row.name + "x" * row.name.endswith("-") for row in MODELS], id="all", marks=pytest.mark.slow),
])  # fmt: skip
def test_models_of_the_table_think_and_use_tools(names: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    said = Said("so", [Call("look", "{}", "a"), Call("look", "{}", "b")], reasoning="hm")
    with (
        AnthropicServer(lambda _: Plan([Think("hm"), " \n", Use("look", {}), Use("look", {})])) as anthropic,
        OpenAIServer(lambda _: said, models=names) as other,
    ):
        monkeypatch.setenv("ANTHROPIC_BASE_URL", anthropic.url)
        for name in names:
            model: Model = Anthropic(name, key=KEY) if name.startswith("claude-") else OpenAI(name, f"{other.url}/v1")
            replies = conversation(model, name)
            assert [len(reply.calls) for reply in replies] == [2, 2, 2], name
        assert {record.status for record in (*anthropic.records, *other.records)} == {200}


def start(workspace: Path, server: Server, *arguments: str) -> subprocess.Popen[bytes]:
    environment = {
        **os.environ,
        "ANTHROPIC_BASE_URL": server.url,
        "ANTHROPIC_API_KEY": KEY,
        "OPENAI_BASE_URL": f"{server.url}/v1",
        "OPENAI_API_KEY": "a-key-for-tests",
    }
    words = sia(workspace, *arguments, "--headless", "--unsafe-no-sandbox")  # which is not what is tested here
    silent = subprocess.DEVNULL
    return subprocess.Popen(words, env=environment, stdout=silent, stderr=silent, start_new_session=True)


def happened(workspace: Path, kind: type[t.Payload], count: int) -> bool:
    with contextlib.suppress(Exception):  # the log is being created
        return len(payloads(workspace, kind)) >= count
    return False


def is_answered(record: Record) -> bool:
    return record.answered and record.path.startswith(("/v1/messages", "/v1/chat", "/v1/responses"))


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.weights)
def test_five_generations_with_tools_thinking_repair_and_a_kill(kind: Kind, tmp_path: Path) -> None:
    workspace, agent = tmp_path / "w", "claude" if kind.weights.startswith("claude") else "openai"
    reference = f"{'anthropic' if agent == 'claude' else 'openai'}:{kind.weights}"
    overflows = kind.weights == "claude-sonnet-5-5"
    until = (t.ContextCompacted, 1) if overflows else (t.ToolCalled, 5)
    with kind.serve() as server:
        words = ("run", small(tmp_path / "times7"), "--agent", agent, "--agent-model", reference, "--model", reference)
        running = start(workspace, server, *words, "--generations", "5")
        while running.poll() is None and not happened(workspace, *until):
            time.sleep(0.05)  # between two looks at a condition
        assert running.poll() is None, "it ended too early to be killed"
        running.send_signal(signal.SIGKILL)
        running.wait()
        assert start(workspace, server, "resume", "last").wait(240) == 0
        refused = [record for record in server.records if record.status != 200 and record.body]  # not cut by the kill
        answered = sum(map(is_answered, server.records))
    assert [one.failed for one in payloads(workspace, t.ToolCalled)].count(True) >= 2, "nothing had to be repaired"
    assert len(payloads(workspace, t.GateDecided)) == 5
    paid = [one for one in payloads(workspace, t.ModelCalled) if not one.reused]
    assert 0 <= answered - len(paid) <= 2 * cores() + 64, "more was asked again than was in flight at the kill"
    assert len({(one.role, one.place, one.ordinal, one.request) for one in paid}) == len(paid), "paid for twice"
    compacted = payloads(workspace, t.ContextCompacted)
    assert len(refused) == len(compacted), "a request was refused that the vendor's rules do not refuse"
    assert bool(compacted) == overflows
    with contextlib.closing(Reader.open(workspace / "events.db")) as reader:
        assert audit(reader, Workspace(workspace)).problems == []
        assert replay(reader, reader.find("last").run).identical
