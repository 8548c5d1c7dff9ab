"""Agents from the index of packages, unmodified, in a sandbox: SDKs, frameworks, and the target agent of a peer."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from domains.contract import Limits
from engine.errors import SiaError
from engine.importers import packages
from engine.sandbox import Isolation, Outcome, Program, run_harness
from engine.sandbox.inside.context import INSTALLED
from tests.docs.commandline import sia
from tests.fakes.openai_server import OpenAIServer, Plan, Use
from tests.fakes.serving import Asked
from tests.unit.sandbox.running import jobs

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

LIMITS = Limits(cpu_s=120, wall_s=120, memory_mb=3000, disk_mb=64, processes=64, output_kb=256)
LONG = "SIA_LONG" in os.environ
ONLY_LONG = pytest.mark.skipif(not LONG, reason="`make test-long` runs it; SDKs and smolagents run here")
FROM_INDEX = ["openai>=3,<4", "smolagents>=1.26,<2", *(["dspy>=3.4,<4", "mini-swe-agent>=2.4,<3"] if LONG else [])]
OPENAI = """
import asyncio, openai
from pydantic import BaseModel

class Found(BaseModel):
    word: str

client = openai.OpenAI()
asked = [{"role": "user", "content": "hello"}]
whole = client.chat.completions.create(model="gpt-any", messages=asked).choices[0].message.content
parts = client.chat.completions.create(model="gpt-any", messages=asked, stream=True)
streamed = "".join(part.choices[0].delta.content or "" for part in parts)
response = client.responses.create(model="gpt-any", input="hello", instructions="be brief")
again = client.responses.create(model="gpt-any", input="more", previous_response_id=response.id)
with client.responses.stream(model="gpt-any", input="hello") as stream:
    for _ in stream:
        pass
    last = stream.get_final_response()
parsed = client.chat.completions.parse(model="gpt-any", messages=asked, response_format=Found).choices[0].message.parsed

async def many():
    client = openai.AsyncOpenAI()
    calls = [client.chat.completions.create(model="gpt-any", messages=asked) for _ in range(4)]
    return [reply.choices[0].message.content for reply in await asyncio.gather(*calls)]

said = {whole, streamed, response.output_text, again.output_text, last.output_text, *asyncio.run(many())}
assert len(said) == 1, said
print(parsed.word)
"""
ANTHROPIC = """
import anthropic
client = anthropic.Anthropic()
asked = {"model": "claude-any", "max_tokens": 99, "messages": [{"role": "user", "content": "hello"}]}
with client.messages.stream(**asked) as stream:
    streamed = "".join(stream.text_stream)
assert streamed == client.messages.create(**asked).content[0].text
print(streamed)
"""
SMOLAGENTS = """
from smolagents import CodeAgent, OpenAIModel
print("\\n", CodeAgent(tools=[], model=OpenAIModel(model_id="any"), max_steps=3).run("What is 2 + 2?"), sep="", end="")
"""
DSPY = """
import dspy
dspy.configure(lm=dspy.LM("openai/any", cache=False))
print(dspy.Predict("question -> answer")(question="What is 2 + 2?").answer)
"""
MINI_SWE = """
import json, os
import minisweagent, yaml
from pathlib import Path
from minisweagent.agents.default import DefaultAgent
from minisweagent.environments.local import LocalEnvironment
from minisweagent.models.litellm_textbased_model import LitellmTextbasedModel

settings = yaml.safe_load(Path(minisweagent.__file__).with_name("config").joinpath("default.yaml").read_text())
model = LitellmTextbasedModel(model_name="openai/any", cost_tracking="ignore_errors")
agent = DefaultAgent(model, LocalEnvironment(), **settings["agent"])
json.dump(agent.run("What is 2 + 2?")["submission"].strip(), open(os.environ["SIA_ANSWER"], "w"))
"""
COMMAND = "THOUGHT: easy\n```mswea_bash_command\necho COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT && echo 4\n```"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packages of the agents; skips where the index cannot be reached."""
    place = tmp_path_factory.mktemp("agents") / "packages"
    try:
        packages.install(FROM_INDEX, place, print)
    except SiaError as error:
        pytest.skip(f"the agents cannot be installed here: {error}")
    return place


class Says:
    """A model that says the same to every request, or a JSON object where one is asked for."""

    def __init__(self, text: str) -> None:
        self.text, self.calls = text, 0

    async def call(self, job_key: str | None, op: str, payload: Any, ordinal: int) -> Any:
        assert (op, ordinal) == ("model.chat", self.calls)
        self.calls += 1
        text = '{"word": "four"}' if payload.get("schema") else self.text
        return {"text": text, "finish": "stop", "calls": [], "usage": {"input": 5, "output": 3}}


@pytest.mark.parametrize(
    ("agent", "says", "answer"),
    [
        (OPENAI, "hello there", "four"),
        (ANTHROPIC, "hello there", "hello there"),
        (SMOLAGENTS, "Thought: easy\n<code>\nfinal_answer(2 + 2)\n</code>", "4"),
        pytest.param(DSPY, "[[ ## answer ## ]]\n4\n\n[[ ## completed ## ]]\n", "4", marks=ONLY_LONG),
        pytest.param(MINI_SWE, COMMAND, "4", marks=ONLY_LONG),
    ],
    ids=["openai", "anthropic", "smolagents", "dspy", "mini-swe-agent"],
)
def test_an_agent_runs_as_it_stands(agent: str, says: str, answer: str, installed: Path, best: Isolation) -> None:
    model = Says(says)
    program = Program(
        {"agent.py": agent.encode()},
        "",
        limits=LIMITS,
        command=["python", "agent.py"],
        folders={INSTALLED: str(installed)},
        gateway=True,
    )

    async def go() -> list[Outcome]:
        outcomes = run_harness(program, jobs(["?"]), workers=1, broker=model, isolation=best)
        return [one async for one in outcomes]

    (outcome,) = asyncio.run(go())
    assert outcome.failure is None, outcome.log
    assert outcome.answer.splitlines()[-1] == answer
    assert model.calls > 0


EVALUATE = """
import argparse, json, pathlib
parser = argparse.ArgumentParser()
parser.add_argument("--gen-dir", type=pathlib.Path)
made = parser.parse_args().gen_dir
score = float("Hello, World!" in (made / "hello.py").read_text())
(made / "results.json").write_text(json.dumps({"score": score}))
"""


def writes_and_runs(asked: Asked) -> Plan:
    """A model that writes the file, runs it, and is done."""
    steps: list[Callable[[], Plan]] = [
        lambda: Plan("", [Use("write_file", json.dumps({"path": "hello.py", "content": "print('Hello, World!')"}))]),
        lambda: Plan("", [Use("bash", json.dumps({"command": "python3 hello.py"}), "call_2")]),
        lambda: Plan("It prints Hello, World!"),
    ]
    return steps[sum(message["role"] == "tool" for message in asked.body["messages"])]()


@ONLY_LONG
def test_the_reference_target_agent_of_a_peer_runs_as_it_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, best: Isolation
) -> None:
    monkeypatch.setenv("SIA_CACHE", str(tmp_path / "cache"))
    wanted = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(tmp_path), "sia-agent==0.6.0"]
    got = subprocess.run(wanted, capture_output=True, text=True, check=False)
    if got.returncode != 0:
        pytest.skip(f"sia-agent cannot be downloaded here: {got.stderr[-200:]}")
    (wheel,) = tmp_path.glob("sia_agent-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        target = archive.read("sia/tasks/spaceship-titanic/reference/reference_target_agent.py")
    files = {
        "reference/reference_target_agent.py": target,
        "data/public/task.md": b"Write hello.py.",
        "data/public/evaluate.py": EVALUATE.encode(),
        "data/private/answer.txt": b"Hello, World!",
    }
    for path, content in files.items():
        (tmp_path / "hello" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "hello" / path).write_bytes(content)
    done = sia(tmp_path, "adopt", "hello", "--install")
    assert done.status == 0, done
    with OpenAIServer(writes_and_runs, kind="other") as server:
        model = f"openai:m@{server.url}/v1"
        ran = sia(tmp_path, "run", "hello", "--model", model, "--generations", "1", "--json")
    assert ran.status == 0, ran
    assert json.loads(ran.output)["generations"][0]["val"]["score"] == 1.0
