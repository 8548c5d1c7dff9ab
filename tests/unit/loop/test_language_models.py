"""Runs whose agents and task model are language models, through the command line and a server on loopback."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from engine import trust
from engine.events import types as t
from engine.events.reader import Reader
from engine.events.storage import blobs
from tests.fakes import openai_server
from tests.fakes.anthropic_server import AnthropicServer, Plan, Use
from tests.fakes.openai_server import OpenAIServer
from tests.fakes.serving import Asked
from tests.playing import CANARY, GUESS, TIMES, asks, call, contents, faulty, payloads, play, said, small
from tests.playing_by_wire import by_openai
from tests.story import sia

pytest.importorskip("anthropic", reason="the extra agents is not installed")

MODEL = ("--model", "anthropic:claude-haiku-4-5")
AGENTS = ("--agent", "claude", *MODEL)
NO_SOCKETS = """
import sys

def watch(event, arguments):
    if event.startswith("socket."):
        raise OSError("a socket was opened")

sys.addaudithook(watch)
"""


class Told(NamedTuple):
    """A finished run, and the server that it was played against; its requests come first in the server's records."""

    workspace: Path
    server: AnthropicServer
    requests: int


@pytest.fixture
def toy(tmp_path: Path) -> str:
    return small(tmp_path / "times7")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    """Three generations, each accepted but the last."""
    folder = tmp_path_factory.mktemp("told")
    with AnthropicServer(play) as server:
        run = ("run", small(folder / "times7"), *AGENTS, "--generations", "3", "--name", "first")
        done = call(folder / "w", server.url, *run)
        assert done.returncode == 0, done
        yield Told(folder / "w", server, len(server.records))  # type: ignore[arg-type]


@pytest.fixture
def copied(finished: Told, tmp_path: Path) -> Told:
    """The same with a workspace of its own, to go on with."""
    trust.remember(shutil.copytree(finished.workspace, tmp_path / "w"))
    return Told(tmp_path / "w", finished.server, len(finished.server.records))


def shown(told: Told) -> Any:
    return json.loads(call(told.workspace, told.server.url, "show", "last", "--json").stdout)


def test_a_run_of_language_models_writes_repairs_improves_and_is_gated(finished: Told) -> None:
    workspace, requests = finished.workspace, finished.server.records[: finished.requests]
    verdicts = payloads(workspace, t.GateDecided)
    assert [verdict.accepted for verdict in verdicts] == [True, True, False]
    assert verdicts[1].difference > 0.8

    used = payloads(workspace, t.ToolCalled)
    assert [one.failed for one in used if one.name == "write_harness"] == [True, False], "broke, then ran"
    assert [one.failed for one in used if one.name == "update_harness"] == [True, False] * 2
    calls = payloads(workspace, t.ModelCalled)
    fresh = Counter(one.role for one in calls if not one.reused)
    assert fresh.total() == len(requests), "each reply is in the log once"
    assert (fresh["meta"], fresh["feedback"]) == (3, 8)
    assert {one.reused for one in calls if one.role == "task"} == {False, True}, "an edit without effect pays nothing"
    assert {bool(one.prompt) for one in calls if one.role != "task"} == {True}
    analysis = payloads(workspace, t.AnalysisFinished)[0]
    assert analysis.expected_gain == 0.5
    assert analysis.evidence


@pytest.mark.slow
def test_a_hint_is_read_by_the_next_analysis_whether_the_run_goes_on_or_is_forked(copied: Told) -> None:
    hint = "the amounts tell the charges apart"
    given = call(copied.workspace, "", "hint", "first", hint)
    assert "sia resume first --generations 4" in given.stdout, given
    for generations in (4, 5):
        sent, head = len(copied.server.records), str(shown(copied)["head"]["n"])
        words = ["resume", "first"] if generations == 4 else ["fork", "first", "--at", head]
        done = call(copied.workspace, copied.server.url, *words, "--generations", str(generations))
        assert done.returncode == 0, done
        asked = [record.body for record in copied.server.records[sent:] if said_by_feedback(record.body)]
        assert asked and all(hint in said(body["messages"][0]) for body in asked)
    for run in ("first", "last"):
        assert call(copied.workspace, "", "replay", run, "--verify").returncode == 0


def test_replay_verifies_the_run_without_a_socket(finished: Told) -> None:
    offline = [sys.executable, "-c", f"{NO_SOCKETS}from sia_tui.main import main\nmain()"]
    words = [*offline, *sia(finished.workspace, "replay", "last", "--verify")[3:]]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert "identical" in done.stdout, done
    assert call(finished.workspace, "", "verify").returncode == 0


def test_an_export_leaves_out_what_was_said_and_still_verifies(finished: Told, tmp_path: Path) -> None:
    file = tmp_path / "run.sia"
    assert call(finished.workspace, "", "export", "last", "-o", str(file)).returncode == 0
    verified = call(tmp_path / "elsewhere", "", "replay", "--file", str(file), "--verify", "--json")
    assert json.loads(verified.stdout)["identical"], verified
    with contextlib.closing(Reader.open(file)) as reader:
        call_ = payloads(finished.workspace, t.ModelCalled)[0]
        with pytest.raises(blobs.LeftOut):
            reader.blob(call_.request)


def test_an_edit_that_does_not_parse_goes_back_before_anything_runs(finished: Told) -> None:
    requests = [record.body for record in finished.server.records[: finished.requests]]
    third = next(body for body in requests if said_by_feedback(body) and len(body["messages"]) == 5)
    answer = third["messages"][-1]["content"][0]
    assert answer["is_error"]
    assert "agent.py does not parse" in answer["content"]


def said_by_feedback(body: dict[str, Any]) -> bool:
    return any(tool["name"] == "update_harness" for tool in body.get("tools", []))


def test_an_analysis_begins_with_the_notebook_and_with_what_was_expected(finished: Told) -> None:
    requests = [record.body for record in finished.server.records[: finished.requests]]
    first, *_, last = [said(body["messages"][0]) for body in requests if said_by_feedback(body)]
    assert "Your notebook" not in first
    assert "Your notebook, as you left it:\nafter g1: the model knows the rule" in last
    assert "found before: the prompt does not say what is wanted\n   expected on val: +0.5" in last
    assert shown(finished)["notebook"] == "after g2: the model knows the rule"


def test_agents_read_train_and_of_val_a_mean(finished: Told) -> None:
    requests = [record.body for record in finished.server.records[: finished.requests]]
    asked = [json.dumps(body) for body in requests if body.get("tools")]
    assert any("train-" in text for text in asked), "agents read trajectories"
    assert not [text for text in asked if "val-" in text or "test-" in text]
    assert not [text for text in asked if any(f"x = {x}" in text for x in range(100, 240))]


@pytest.mark.slow
def test_of_two_proposals_the_better_on_train_is_judged(toy: str, tmp_path: Path) -> None:
    """The second conversation is told of the first proposal; both are probed, and one candidate goes to the gate."""

    def game(asked: Asked) -> Plan:
        made = play(asked)
        if said_by_feedback(asked.body) and "already made for this candidate" not in json.dumps(asked.body):
            for use in made.blocks:
                if isinstance(use, Use) and use.name == "update_harness":
                    use.input["files"]["agent.py"] = use.input["files"]["agent.py"].replace(TIMES, "Guess again.")
        return made

    with AnthropicServer(game) as server:
        run = ("run", toy, *AGENTS, "--generations", "2", "--proposals", "2")
        done = call(tmp_path / "w", server.url, *run)
        assert done.returncode == 0, done
    first, second = payloads(tmp_path / "w", t.ProbeFinished)
    assert (first.why[:15], second.why[:15]) == ("proposal 1 of 2", "proposal 2 of 2")
    assert second.score.score > first.score.score + 0.5
    written = payloads(tmp_path / "w", t.HarnessWritten)[-1]
    assert "Of 2 proposals it scored best on a fold of train" in written.reason
    assert payloads(tmp_path / "w", t.GateDecided)[-1].accepted
    assert call(tmp_path / "w", "", "replay", "last", "--verify").returncode == 0


def test_a_fork_that_changes_nothing_sends_no_request(copied: Told) -> None:
    done = call(copied.workspace, copied.server.url, "fork", "first", "--at", "3")
    assert done.returncode == 0, done
    assert len(copied.server.records) == copied.requests
    assert {one.reused for one in payloads(copied.workspace, t.ModelCalled)} == {True}
    facts = shown(copied)
    assert [one["accepted"] for one in facts["generations"]] == [True, True, False]
    assert facts["cost"]["usd"] == 0 < facts["cost"]["reused_tokens"]


def test_a_fork_with_another_prompt_sends_only_what_is_new(copied: Told, tmp_path: Path) -> None:
    edited = tmp_path / "edited"
    edited.mkdir()
    (edited / "harness.toml").write_text('name = "asks"\n')
    rule = asks(GUESS).replace(repr(GUESS), f"({TIMES + '!'!r} if instance.data % 2 else {GUESS!r})")
    (edited / "agent.py").write_text(rule)
    at = call(copied.workspace, "", "log", "first", "--json").stdout.splitlines()
    judged = next(event["n"] for event in map(json.loads, at) if event["type"] == "gate.decided")
    fork = ("fork", "first", "--at", str(judged), "--harness", str(edited), "--generations", "2")
    done = call(copied.workspace, copied.server.url, *fork)
    assert done.returncode == 0, done
    sent = [record.body["messages"][0]["content"][0]["text"] for record in copied.server.records[copied.requests :]]
    assert len(sent) == (12 + 4) // 2
    assert all(f"{TIMES}!" in text for text in sent)


def test_the_sealed_test_and_an_input_of_ones_own_reach_the_model(copied: Told, tmp_path: Path) -> None:
    tested = json.loads(call(copied.workspace, copied.server.url, "test", "last", "--json").stdout)
    assert tested["score"] == 1.0
    head = shown(copied)["head"]
    (tmp_path / "cases.jsonl").write_text("3\n4\n")
    applied = call(copied.workspace, copied.server.url, "apply", "last", str(tmp_path / "cases.jsonl"))
    assert applied.stdout.split() == ["1", "8"], applied
    assert shown(copied)["head"] == head, "applying writes nothing"


def test_a_cap_of_money_is_never_exceeded(tmp_path: Path, toy: str) -> None:
    workspace, cap = tmp_path / "w", 0.14
    with AnthropicServer(play) as server:
        run = ("run", toy, *AGENTS, "--generations", "3", "--budget-usd", str(cap), "--json")
        facts = json.loads(call(workspace, server.url, *run).stdout)
        calls = [one for one in payloads(workspace, t.ModelCalled) if not one.reused]
        assert len(calls) == len(server.records), "what was paid for is in the log"
    assert "the budget of 0.14 usd is too small" in facts["reason"]
    assert 0 < facts["cost"]["usd"] <= cap
    assert facts["cost"]["usd"] == pytest.approx(sum(one.usd for one in calls))
    assert json.loads(call(workspace, "", "replay", "last", "--verify", "--json").stdout)["identical"]


def test_a_run_survives_every_fault_and_its_key_is_found_nowhere(tmp_path: Path, toy: str, finished: Told) -> None:
    workspace, file = tmp_path / "w", str(tmp_path / "run.jsonl")
    run = ("run", toy, *AGENTS, "--generations", "2", "--json")
    with AnthropicServer(faulty, key=CANARY) as server:
        told = [call(workspace, server.url, *run, key=CANARY)]
    told.append(call(workspace, "", "export", "last", "-o", file, "--with-data", key=CANARY))
    told.append(call(workspace, "", "log", "last", "--json", key=CANARY))
    assert [one.returncode for one in told] == [0, 0, 0], told
    stormy, calm = json.loads(told[0].stdout), shown(finished)
    retried = payloads(workspace, t.ModelRetried)
    assert {one.status for one in retried} >= {429, 529, 500, None}
    assert any("[ANTHROPIC_API_KEY]" in one.reason for one in retried), "the server has shown the key"
    for name in ("harness", "val", "accepted"):
        assert [one[name] for one in stormy["generations"]] == [one[name] for one in calm["generations"][:2]]
    assert json.loads(call(workspace, "", "replay", "--verify", "--json").stdout)["identical"]

    assert not [one for one in told if CANARY in one.stdout + one.stderr]
    assert not [one for one in contents(workspace) if CANARY.encode() in one]
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or CANARY.encode() not in path.read_bytes()


@pytest.mark.slow
def test_a_model_that_stays_away_fails_the_step_and_never_the_candidate(
    tmp_path: Path, toy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIA_PATIENCE", "0.01")

    def away(asked: Asked) -> Plan:
        return play(asked) if asked.body.get("tools") or asked.n < 9 else Plan(status=529, headers={"retry-after": "0"})

    workspace = tmp_path / "w"
    with AnthropicServer(away) as server:
        done = call(workspace, server.url, "run", toy, *AGENTS, "--generations", "1")
        known = {json.dumps(record.body) for record in server.records if record.answered}
    assert done.returncode == 1
    assert "refused a call over 0.01 minutes" in done.stdout
    assert [one.failure.kind for one in payloads(workspace, t.StepFailed)] == ["infrastructure"] * 3
    assert not payloads(workspace, t.ExecutionFinished)
    with AnthropicServer(play) as server:
        assert call(workspace, server.url, "resume", "last").returncode == 0
        assert not known & {json.dumps(record.body) for record in server.records}, "an answered request was sent again"
    assert payloads(workspace, t.ExecutionFinished)[0].failures == {}


def test_a_run_that_ended_for_want_of_a_readable_decision_goes_on_once_the_server_is_mended(
    tmp_path: Path, toy: str
) -> None:
    def ill(asked: Asked) -> openai_server.Plan:
        return openai_server.Plan(calls=[openai_server.Use("update_harness", '"not an object"')])

    workspace = tmp_path / "w"
    with OpenAIServer(ill, models=["m"]) as server:
        place, port = f"openai:m@{server.url}/v1", server.port
        agent = ("--agent", "openai", "--agent-model", place, "--model", place, "--seed-harness")
        done = call(workspace, "", "run", toy, *agent, "--generations", "2", "--name", "first")
        assert "no further candidate was found" in done.stdout
    with OpenAIServer(by_openai, models=["m"], port=port) as server:
        fork = call(workspace, "", "fork", "first", "--at", "1", "--name", "second")
        assert "all 2 generations are done" in fork.stdout, "a fork asks again what was answered in no form"
        done = call(workspace, "", "resume", "first")
        assert "all 2 generations are done" in done.stdout
        before = len(server.records)
        call(workspace, "", "replay", "first", "--verify")
        assert len(server.records) == before
    refused = call(workspace, "", "resume", "first")
    assert "is finished" in refused.stderr


@pytest.mark.parametrize("arguments", [AGENTS, (*MODEL, "--workers", "4")])
def test_a_refused_key_is_one_sentence_and_one_request(tmp_path: Path, toy: str, arguments: tuple[str, ...]) -> None:
    (Path(toy) / "harness" / "agent.py").write_text(asks(GUESS))
    with AnthropicServer(play, key="another") as server:
        done = call(tmp_path / "w", server.url, "run", toy, *arguments)
        assert len(server.records) == 1
    assert done.returncode == 1
    assert "invalid x-api-key" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_without_a_key_nothing_is_sent_and_nothing_begins(tmp_path: Path, toy: str, finished: Told) -> None:
    before = len(finished.server.records)
    done = call(tmp_path / "w", finished.server.url, "run", toy, *AGENTS, key="")
    assert done.returncode == 1
    assert "ANTHROPIC_API_KEY" in done.stderr
    assert len(finished.server.records) == before
    assert not (tmp_path / "w").exists()


def test_no_socket_is_a_real_prohibition() -> None:
    script = f"{NO_SOCKETS}import socket\nsocket.socket()"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert "a socket was opened" in done.stderr
