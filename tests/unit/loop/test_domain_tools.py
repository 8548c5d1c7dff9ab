"""Harnesses and their model use a domain's tools: each use is an event at its place, and no label is in reach."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from engine import trust
from engine.core.replay import verify as replay
from engine.events import types as t
from engine.events.reader import Reader
from engine.queries.audit import verify as audit
from engine.run.workspace import Workspace
from tests.fakes.anthropic_server import AnthropicServer, Plan, Use
from tests.fakes.serving import Asked
from tests.playing import call, payloads, said, small, turns
from tests.unit.loop.test_tries import results

pytest.importorskip("anthropic", reason="the extra agents is not installed")

TOOLS = '''
    def tools(self, train):
        def like(data, digit):
            """The labels of cases that end like this."""
            return {"data": data, "cases": [[case.id, case.label] for case in train if case.data % 10 == digit]}

        schema = {"type": "object", "properties": {"digit": {"type": "integer"}}, "required": ["digit"]}
        return [Tool("like", "Cases whose last digit is this.", schema, like, 2)]

    def grade('''
AGENT = """
def solve(instance, ctx):
    assert [tool["name"] for tool in ctx.tools.all] == ["like"]
    messages = [{"role": "user", "text": f"x = {instance.data}"}]
    for _ in range(4):
        reply = ctx.model.chat(messages, tools=ctx.tools.all)
        if not reply["calls"]:
            return int(reply["text"])
        messages = messages + ctx.tools.answers(reply)
"""


def answering(asked: Asked) -> Plan:
    """The task model: it asks in a wrong way, then in a right one, and says what it is told."""
    body = asked.body
    (x,) = re.findall(r"x = (\d+)", said(body["messages"][0]))
    if turns(body) == 0:
        return Plan(["Let me look.", Use("like", {"number": int(x)})])
    if turns(body) == 1:
        return Plan([Use("like", {"digit": int(x) % 10})])
    return Plan([str(json.loads(results(body)[-1])["cases"][0][1])])


class Told(NamedTuple):
    """A finished run, and the server that it was played against."""

    workspace: Path
    server: AnthropicServer


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    folder = tmp_path_factory.mktemp("tools")
    domain = Path(small(folder / "times7"))
    for name, old, new in (
        ("domain.py", "    def grade(", TOOLS.lstrip("\n")),
        ("domain.py", "import Grade, Instance, Summary", "import Grade, Instance, Summary, Tool"),
        ("domain.toml", "grade_wall_s = 3", "grade_wall_s = 3\ntools = true"),
    ):
        text = (domain / name).read_text()
        assert old in text
        (domain / name).write_text(text.replace(old, new))
    (domain / "harness" / "agent.py").write_text(AGENT)
    with AnthropicServer(answering) as server:
        run = ("run", str(domain), "--agent", "search", "--model", "anthropic:claude-haiku-4-5", "--generations", "1")
        done = call(folder / "w", server.url, *run, "--name", "first")
        assert done.returncode == 0, done
        yield Told(folder / "w", server)


def uses(workspace: Path) -> list[tuple[t.ToolCalled, Any, Any]]:
    """Each use of a tool, with its arguments and its result."""
    with contextlib.closing(Reader.open(workspace / "events.db")) as reader:
        return [
            (one, msgspec.json.decode(reader.blob(one.arguments)), msgspec.json.decode(reader.blob(one.result)))
            for one in payloads(workspace, t.ToolCalled)
        ]


def test_a_model_uses_the_tools_and_reads_what_was_wrong(finished: Told) -> None:
    (execution,) = payloads(finished.workspace, t.ExecutionFinished)
    assert execution.scores["val"].score == 1.0
    told = [answer for record in finished.server.records for answer in results(record.body)]
    assert any("has no argument 'number'; it has digit" in answer for answer in told)
    offered = [record.body["tools"] for record in finished.server.records]
    assert {tuple(tool["name"] for tool in tools) for tools in offered} == {("like",)}


def test_each_use_is_an_event_at_its_place(finished: Told) -> None:
    found = uses(finished.workspace)
    done = payloads(finished.workspace, t.InstanceFinished)
    assert len(found) == 2 * len(done)
    by_place = {(one.place, one.ordinal): (one.name, one.failed, one.role, one.harness) for one, _, _ in found}
    commit = done[0].harness
    for result in done:
        place = f"{result.split}/{result.instance}/{result.repeat}"
        assert by_place[place, 1] == ("like", True, "task", commit)
        assert by_place[place, 3] == ("like", False, "task", commit)


def test_a_tool_shows_no_case_that_is_answered_and_none_of_val(finished: Told) -> None:
    held_out = {one.instance for one in payloads(finished.workspace, t.InstanceFinished)}
    shown = {name for one, _, result in uses(finished.workspace) if not one.failed for name, _ in result["cases"]}
    assert shown
    assert not shown & held_out
    assert {name.partition("-")[0] for name in shown} == {"train"}


def test_the_record_replays_and_is_read(finished: Told) -> None:
    workspace, url = finished.workspace, finished.server.url
    with contextlib.closing(Reader.open(workspace / "events.db")) as reader:
        run = reader.find("last").run
        assert audit(reader, Workspace(workspace)).problems == []
        assert replay(reader, run).identical
        (first, *_) = [event.n for event in reader.history(run) if isinstance(event.payload, t.ToolCalled)]
    facts = json.loads(call(workspace, url, "call", "last", str(first), "--json").stdout)
    assert (facts["name"], facts["role"]) == ("like", "task")


def test_the_trajectory_shows_each_use(finished: Told) -> None:
    from sia_tui.app.model.sources import WORKSPACE, Source
    from sia_tui.app.navigator.run_cursor import RunCursor
    from sia_tui.app.pages.instance import trajectory
    from sia_tui.app.rows.row import Target

    source = Source(finished.workspace / "events.db", WORKSPACE, "", Workspace(finished.workspace))
    cursor = RunCursor(source, source.reader.find("last").run)
    text = [row.text for row in trajectory.build(cursor.snapshot, Target("instance", "val-101"), 120).rows]
    assert len([line for line in text if line.startswith("tool") and "1: like, refused" in line]) == 1
    assert len([line for line in text if line.startswith("tool") and line.endswith("3: like")]) == 1
    source.reader.close()


def test_the_same_again_in_a_fork_costs_nothing(finished: Told, tmp_path: Path) -> None:
    trust.remember(workspace := shutil.copytree(finished.workspace, tmp_path / "w"))
    before = len(finished.server.records)
    done = call(workspace, finished.server.url, "fork", "first", "--at", "3", "--name", "second")
    assert done.returncode == 0, done
    assert len(finished.server.records) == before
