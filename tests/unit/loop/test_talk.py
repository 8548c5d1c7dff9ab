"""A person's questions to the agent of a run: answered from the run, recorded, paid for, and without any effect."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from msgspec.structs import replace

from engine import trust
from engine.core import replay
from engine.core.state import State, fold
from engine.events import types as t
from engine.events.event import Event
from engine.events.log import RunLog
from engine.events.reader import Reader
from engine.events.storage import blobs
from tests.fakes.anthropic_server import AnthropicServer
from tests.playing import PROPOSED, SAID, call, payloads, play_talk, said, small

pytest.importorskip("anthropic", reason="the extra agents is not installed")

QUESTION = "what do the failures have in common, pray?"
CLAUDE = ("--agent", "claude", "--model", "anthropic:claude-haiku-4-5")


class Told(NamedTuple):
    """A workspace with a finished run, and the server that played its agent."""

    workspace: Path
    server: AnthropicServer

    def sia(self, *words: str) -> Any:
        return call(self.workspace, self.server.url, *words)

    def asked(self, since: int) -> list[Any]:
        """The requests since then."""
        return [record.body for record in self.server.records[since:]]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    folder = tmp_path_factory.mktemp("told")
    with AnthropicServer(play_talk) as server:
        told = Told(folder / "w", server)
        done = told.sia("run", small(folder / "times7"), *CLAUDE, "--generations", "2", "--name", "first")
        assert done.returncode == 0, done
        yield told


@pytest.fixture
def told(finished: Told, tmp_path: Path) -> Told:
    """The same with a workspace of its own."""
    trust.remember(shutil.copytree(finished.workspace, tmp_path / "w"))
    return finished._replace(workspace=tmp_path / "w")


def history(workspace: Path) -> list[Event]:
    with contextlib.closing(Reader.open(workspace / "events.db")) as reader:
        run = reader.find("last").run
        assert replay.verify(reader, run).identical
        return list(reader.history(run))


def without_cost(state: State) -> dict[str, Any]:
    """All of a state but its place in the log and what was paid."""
    return {name: getattr(state, name) for name in state.__struct_fields__ if name not in ("n", "hash", "spent")}


def test_the_answer_comes_from_the_run_and_is_recorded_and_paid(told: Told) -> None:
    before, sent = history(told.workspace), len(told.server.records)
    costs = json.loads(told.sia("cost", "first", "--json").stdout)
    done = told.sia("talk", "first", QUESTION, "--json")
    assert done.returncode == 0, done
    answered = json.loads(done.stdout)
    assert (answered["answer"], answered["hint"]) == (SAID, PROPOSED)
    assert answered["tokens"] > 0 and answered["usd"] > 0

    requests = told.asked(sent)
    assert len(requests) == 2
    assert QUESTION in said(requests[0]["messages"][0])
    results = [block for block in requests[1]["messages"][-1]["content"] if block["type"] == "tool_result"]
    assert "answer or failure" in str(results[0]["content"])
    assert not re.search(r"\bval-\d+|\btest-\d+", json.dumps(requests)), "nothing of val or test"

    after = history(told.workspace)
    new = after[len(before) :]
    assert [event.type for event in new] == ["model.called", *["tool.called"] * 2, "model.called", "run.talked"]
    assert all(event.payload.is_talk for event in new)
    assert without_cost(fold(after)) == without_cost(fold(before))
    now = json.loads(told.sia("cost", "first", "--json").stdout)
    (row,) = [row for row in now["by"] if row["on"] == "questions to the agent"]
    assert (row["calls"], row["tokens"]) == (2, answered["tokens"])
    assert now["usd"] - costs["usd"] == pytest.approx(row["usd"])
    assert [one for one in now["levers"] if one not in costs["levers"]] == []


def test_a_later_question_knows_the_earlier_one(told: Told) -> None:
    for question in (QUESTION, "and what else?"):
        assert told.sia("talk", "first", question).returncode == 0
    opening = said(told.server.records[-1].body["messages"][0])
    assert QUESTION in opening and SAID in opening and opening.endswith("and what else?")


def test_neither_a_resumed_run_nor_a_fork_hears_of_it_until_it_is_a_hint(told: Told) -> None:
    assert told.sia("talk", "first", QUESTION).returncode == 0
    head, sent = str(history(told.workspace)[-1].n), len(told.server.records)
    assert told.sia("fork", "first", "--at", head, "--generations", "3", "--name", "child").returncode == 0
    history(told.workspace)
    assert told.sia("resume", "first", "--generations", "3").returncode == 0
    quiet = told.asked(sent)
    assert any("update_harness" in json.dumps(body) for body in quiet)
    assert [body for body in quiet if SAID in json.dumps(body) or QUESTION in json.dumps(body)] == []

    given = told.sia("talk", "child", "--hint")
    assert given.returncode == 0, given
    sent = len(told.server.records)
    assert told.sia("resume", "child", "--generations", "4").returncode == 0
    openings = [said(body["messages"][0]) for body in told.asked(sent) if body.get("tools")]
    assert openings and all(PROPOSED in opening for opening in openings)
    assert [opening for opening in openings if SAID in opening] == []


def test_a_cap_holds_and_says_how_to_go_on(told: Told) -> None:
    spent = fold(history(told.workspace)).spent.tokens
    with contextlib.closing(RunLog.hold(told.workspace, history(told.workspace)[0].run)) as log:
        state = fold(log.reader.history(log.run))
        capped = t.RunResumed(settings=replace(state.settings, budget=t.Budget(tokens=spent + 100)))
        log.append([(state.generation, capped), (state.generation, t.RunPaused("a person"))])
    sent = len(told.server.records)
    done = told.sia("talk", "first", QUESTION)
    assert done.returncode == 1
    assert "first cannot pay for an answer: the budget of" in done.stderr
    assert "--budget-tokens" in done.stderr
    assert told.asked(sent) == []
    assert payloads(told.workspace, t.RunTalked) == []


def test_a_run_that_an_engine_holds_is_left_alone(told: Told) -> None:
    before = len(history(told.workspace))
    with contextlib.closing(RunLog.hold(told.workspace, history(told.workspace)[0].run)):
        done = told.sia("talk", "first", QUESTION)
    assert (done.returncode, "another engine is working on this run" in done.stderr) == (1, True)
    assert len(history(told.workspace)) == before


def test_a_run_without_a_language_model_is_asked_through_one_that_is_named(tmp_path: Path) -> None:
    with AnthropicServer(play_talk) as server:
        told = Told(tmp_path / "w", server)
        assert told.sia("run", small(tmp_path / "times7"), "--generations", "1", "--name", "plain").returncode == 0
        refused = told.sia("talk", "plain", QUESTION)
        assert "the agent search is no language model, and answers no questions" in refused.stderr, refused
        assert server.records == [] and refused.returncode == 1
        done = told.sia("talk", "plain", QUESTION, "--agent", "claude")
        assert (done.returncode, SAID in done.stdout) == (0, True), done
        assert fold(history(told.workspace)).settings.agent == "search"
        assert payloads(told.workspace, t.RunTalked)[0].model.startswith("claude")


def test_an_export_leaves_out_what_was_said_and_still_verifies(told: Told, tmp_path: Path) -> None:
    assert told.sia("talk", "first", QUESTION).returncode == 0
    assert told.sia("export", "first", "-o", str(tmp_path / "run.sia")).returncode == 0
    with contextlib.closing(Reader.open(tmp_path / "run.sia")) as reader:
        run = reader.find("last").run
        assert replay.verify(reader, run).identical
        (talked,) = [event.payload for event in reader.history(run) if isinstance(event.payload, t.RunTalked)]
        with pytest.raises(blobs.LeftOut):
            reader.blob(talked.answer)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("talk", "first", "--headless"), "a question has 1 to 20000 characters"),
        (("talk", "first", " "), "a question has 1 to 20000 characters"),
        (("talk", "first", "--hint"), "no answer of first's agent proposes a hint"),
        (("talk", "first", QUESTION, "--hint"), "--hint takes no question"),
        (("talk", "first", QUESTION, "--agent", "search"), "is no language model, and answers no questions"),
        (("talk", "first", QUESTION, "--agent", "openai"), "needs the name of a model"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_a_sentence(finished: Told, words: tuple[str, ...], sentence: str) -> None:
    before = len(history(finished.workspace))
    done = finished.sia(*words)
    assert done.returncode in (1, 2)
    assert sentence in done.stderr, done
    assert len(history(finished.workspace)) == before
