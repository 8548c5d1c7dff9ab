"""A program that calls a model by HTTP is a harness: recorded at its positions, remembered in forks, under the caps."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from engine.domain_check.templates import create
from engine.events import types as t
from tests.docs.commandline import PEERS, sia
from tests.fakes.openai_server import OpenAIServer, Plan
from tests.fakes.serving import Asked
from tests.playing import payloads

pytest.importorskip("httpx2", reason="the extra agents is not installed")

AGENT = """
import json, os, sys, urllib.request

case = json.load(sys.stdin)

def ask(text):
    body = {"model": "any", "max_tokens": 9, "messages": [{"role": "user", "content": text}]}
    url = os.environ["ANTHROPIC_BASE_URL"] + "/v1/messages"
    with urllib.request.urlopen(url, json.dumps(body).encode()) as reply:
        return json.load(reply)["content"][0]["text"]

ask("first " * 100)
print(ask(json.dumps(case["data"])))
"""
TARGET = """
import argparse, csv, pathlib
import anthropic

parser = argparse.ArgumentParser()
parser.add_argument("--dataset_dir", type=pathlib.Path, required=True)
parser.add_argument("--working_dir", type=pathlib.Path, required=True)
given = parser.parse_args()
client = anthropic.Anthropic()
with (given.working_dir / "submission.csv").open("w", newline="") as file:
    writer = csv.writer(file)
    writer.writerow(["id", "answer"])
    for row in csv.DictReader((given.dataset_dir / "questions.csv").open()):
        asked = [{"role": "user", "content": f"What is {row['x']} doubled?"}]
        said = client.messages.create(model="claude-haiku-4-5", max_tokens=50, messages=asked)
        writer.writerow([row["id"], said.content[0].text])
"""


def knows(asked: Asked) -> Plan:
    """A model that doubles, and says the same to all else."""
    text = asked.body["messages"][-1]["content"]
    words = text.split()
    return Plan(str(2 * int(words[2])) if text.startswith("What is") else "calm")


class Agents(NamedTuple):
    """A folder with the task `mine`, whose harness is a program, and a server of the model that it calls."""

    folder: Path
    server: OpenAIServer

    def sia(self, *arguments: str) -> Any:
        done = sia(self.folder, *arguments, "--json")
        assert done.status == 0, done
        return json.loads(done.output)

    @property
    def model(self) -> tuple[str, str]:
        return "--model", f"openai:m@{self.server.url}/v1"

    @property
    def asked(self) -> int:
        return sum(one.path.endswith("/completions") for one in self.server.records)


@pytest.fixture
def agents(tmp_path: Path) -> Iterator[Agents]:
    create(tmp_path / "mine", "classify")
    shutil.rmtree(tmp_path / "mine" / "harness")
    (tmp_path / "mine" / "harness").mkdir()
    (tmp_path / "mine" / "harness" / "agent.py").write_text(AGENT)
    (tmp_path / "mine" / "harness" / "harness.toml").write_text('name = "mine"\ncommand = ["python", "agent.py"]\n')
    for split in ("train", "val"):
        data = tmp_path / "mine" / "data" / f"{split}.jsonl"
        data.write_text("".join(data.read_text().splitlines(keepends=True)[:6]))
    with OpenAIServer(knows, kind="other") as server:
        yield Agents(tmp_path, server)


def test_its_calls_are_recorded_at_their_positions_and_a_fork_asks_none_again(agents: Agents) -> None:
    agents.sia("run", "mine", *agents.model, "--generations", "1", "--name", "first")
    calls = payloads(agents.folder / ".sia", t.ModelCalled)
    val = {(call.place, call.ordinal) for call in calls if call.place.startswith("val/")}
    assert len(val) == 12
    assert {ordinal for _, ordinal in val} == {0, 1}
    before = agents.asked
    assert before == len(calls)
    log = [json.loads(line) for line in sia(agents.folder, "log", "first", "--json").output.splitlines()]
    started = next(row["n"] for row in log if row["type"] == "baseline.measured")
    agents.sia("fork", "first", "--at", str(started), "--set", "generations=1")
    assert agents.asked == before


def test_a_cap_on_tokens_ends_the_run_before_it_is_exceeded(agents: Agents) -> None:
    done = sia(agents.folder, "run", "mine", *agents.model, "--generations", "1", "--budget-tokens", "2500")
    spent = sum(call.usage.input + call.usage.output for call in payloads(agents.folder / ".sia", t.ModelCalled))
    assert "budget" in done.output + done.errors
    assert 0 < spent <= 2500


def test_a_target_of_sia_that_calls_a_model_runs_with_one(
    agents: Agents, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIA_CACHE", str(tmp_path / "cache"))
    shutil.copytree(PEERS / "sia", tmp_path / "doubling")
    (tmp_path / "doubling" / "reference" / "reference_target_agent.py").write_text(TARGET)
    refused = sia(tmp_path, "run", "doubling", "--generations", "1")
    assert (refused.status, "calls a language model (anthropic), which this run does not name" in refused.errors) == (
        1,
        True,
    )
    assert agents.sia("adopt", "doubling")["served"] is True
    found = agents.sia("run", "doubling", *agents.model, "--generations", "1")
    assert found["generations"][0]["val"]["score"] == 1.0
    places = {call.place for call in payloads(agents.folder / ".sia", t.ModelCalled)}
    assert places
