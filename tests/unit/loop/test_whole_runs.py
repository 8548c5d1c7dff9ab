"""Whole runs of the toy domain through the command line, with real sandboxes, git and SQLite."""

from __future__ import annotations

import contextlib
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from engine.events import types as t
from engine.events.reader import Reader
from tests.story import TOY, sia, story


def run(workspace: Path, *arguments: str, status: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(sia(workspace, *arguments), capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == status, done
    return done


def shown(workspace: Path) -> Any:
    return json.loads(run(workspace, "show", "last", "--json").stdout)


def scripted(tmp_path: Path, *decisions: str) -> str:
    path = tmp_path / "script.toml"
    path.write_text("\n".join(f"[[decision]]\n{decision}" for decision in decisions))
    return f"script:{path}"


def test_the_search_finds_the_rule_and_the_sealed_test_agrees(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))  # no other test has read this domain's test split
    run(tmp_path, "run", str(TOY), "--generations", "3", "--seed", "2")
    facts = shown(tmp_path)
    assert facts["generations"][0]["val"]["score"] < 0.3
    assert facts["best"]["val"]["score"] >= 0.9
    test = json.loads(run(tmp_path, "test", "last", "--json").stdout)
    assert test["score"] >= 0.9 > test["baselines"][0]["score"]
    assert test["unsealed_before"] == 0
    assert json.loads(run(tmp_path, "test", "last", "--json").stdout)["unsealed_before"] == 1
    assert shown(tmp_path)["unsealed"] == 2
    assert json.loads(run(tmp_path, "replay", "last", "--verify", "--json").stdout)["identical"]
    assert json.loads(run(tmp_path, "verify", "--json").stdout) == {
        "ok": True,
        "events": shown(tmp_path)["head"]["n"],
        "problems": [],
        "accepted": [],
        "unchecked": [],
    }


@pytest.mark.slow
def test_the_number_of_workers_changes_nothing(tmp_path: Path) -> None:
    arguments = ["run", str(TOY), "--generations", "3", "--seed", "7", "--probes", "6"]
    run(tmp_path / "one", *arguments, "--workers", "1")
    run(tmp_path / "two", *arguments, "--workers", "2")
    assert story(tmp_path / "one") == story(tmp_path / "two")
    run(tmp_path / "other", *arguments[:4], "--seed", "8", "--probes", "6")
    assert story(tmp_path / "other") != story(tmp_path / "one")


def test_edits_without_effect_are_never_accepted_and_show_says_why(tmp_path: Path) -> None:
    agent = (TOY / "harness" / "agent.py").read_text()
    edits = [f"files = {{ 'agent.py' = {json.dumps(agent + f'# {i}')} }}" for i in range(3)] + [
        "files = { 'prompts/note.md' = 'unused' }",
        "params = { skill = 9 }",
    ]
    run(tmp_path, "run", str(TOY), "--generations", "6", "--agent", scripted(tmp_path, *edits))
    facts = shown(tmp_path)
    assert [one["accepted"] for one in facts["generations"]] == [True] + [False] * 5
    assert len({one["harness"] for one in facts["generations"]}) == 6
    assert "nothing improved" in facts["reason"]
    assert facts["best"]["generation"] == 1


def test_an_improvement_that_is_no_harness_ends_the_run_with_its_reason(tmp_path: Path) -> None:
    edits = ["files = { 'agent.py' = 'def solve(:' }", "nothing = 'out of ideas'"]
    run(tmp_path, "run", str(TOY), "--generations", "4", "--agent", scripted(tmp_path, *edits))
    facts = shown(tmp_path)
    assert len(facts["generations"]) == 1
    assert "out of ideas" in facts["reason"]


def test_two_runs_that_begin_at_once_in_a_fresh_workspace_get_two_names(tmp_path: Path) -> None:
    command = sia(tmp_path / "w", "run", str(TOY), "--generations", "1", "--headless")
    both = [subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    assert [(one.wait(120), one.stderr and one.stderr.read()) for one in both] == [(0, "")] * 3
    names = [row["name"] for row in json.loads(run(tmp_path / "w", "ls", "--json").stdout)]
    assert sorted(names) == ["times7-1", "times7-2", "times7-3"]


def test_a_budget_of_evaluations_is_never_exceeded_and_can_be_raised(tmp_path: Path) -> None:
    run(tmp_path, "run", str(TOY), "--generations", "4", "--budget-evaluations", "230", "--seed", "3")
    facts = shown(tmp_path)
    assert facts["cost"]["evaluations"] <= 230
    assert "budget" in facts["reason"]
    same = run(tmp_path, "resume", "last", "--budget-evaluations", "230", status=1)
    assert "is finished" in same.stderr
    assert shown(tmp_path)["head"] == facts["head"]
    run(tmp_path, "resume", "last", "--budget-evaluations", "1000", "--budget-minutes", "9")
    assert len(shown(tmp_path)["generations"]) > len(facts["generations"])
    assert json.loads(run(tmp_path, "replay", "--verify", "--json").stdout)["identical"]


EVIL = """
import os, socket, sys, time
def solve(instance, ctx):
    x = instance.data
    if x == 100: return open("/etc/shadow").read()
    if x == 101: return os.environ["ANTHROPIC_API_KEY"]
    if x == 102: return socket.create_connection(("127.0.0.1", 80), 2).recv(1)
    if x == 103:
        while True: os.fork()
    if x == 104: return len([bytearray(1 << 20) for _ in range(4096)])
    if x == 105:
        with open("full", "wb") as file:
            while True: file.write(bytes(1 << 20))
    if x == 106:
        while True: print("x" * 4096)
    if x == 107: time.sleep(3600)
    if x == 108: return object()
    if x == 109: os._exit(9)
    if x == 110: return "hang the grader"
    if x == 111: return "kill the grader"
    if x == 112: return {1: 2}
    if x == 113: return float("nan")
    return 7 * x % 10
"""


@pytest.mark.timeout(280)
def test_a_hostile_harness_is_contained_typed_and_the_run_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "canary-4711")
    edit = f"files = {{ 'agent.py' = {json.dumps(EVIL)} }}"
    run(tmp_path, "run", str(TOY), "--generations", "2", "--agent", scripted(tmp_path, edit))
    with contextlib.closing(Reader.open(tmp_path / "events.db")) as reader:
        results = {
            p.instance: p
            for event in reader.history(reader.find("last").run)
            if event.generation == 2 and isinstance(p := event.payload, t.InstanceFinished) and p.split == "val"
        }
    kinds = {x: results[f"val-{x}"].failure and results[f"val-{x}"].failure.kind for x in range(100, 114)}
    assert all(kinds.values()), kinds
    assert kinds[107] == "timeout"
    assert {kinds[104], kinds[106], kinds[105]} <= {"resource", "candidate", "timeout"}
    assert {kinds[110], kinds[111]} == {"verifier"}
    assert {kinds[112], kinds[113]} == {"candidate"}
    assert all(result.score == 1.0 for name, result in results.items() if int(name[4:]) > 113)
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or b"canary-4711" not in path.read_bytes()
    assert shown(tmp_path)["best"]["generation"] == 2
