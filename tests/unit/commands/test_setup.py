"""sia setup: what can work here is listed, the chosen agent is tried, and written into the user's own file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fakes.anthropic_server import AnthropicServer, Plan
from tests.fakes.openai_server import OpenAIServer
from tests.fakes.openai_server import Plan as OpenAIPlan
from tests.fakes.serving import Answer, Server
from tests.story import sia

pytest.importorskip("anthropic", reason="the extra agents is not installed")
BEFORE = "# mine\nmodel = 'smollm2'  # small\n\n[budget]\nusd = 5.0 # a day\n"


@pytest.fixture
def own(tmp_path: Path) -> Path:
    path = tmp_path / "config" / "sia" / "sia.toml"
    path.parent.mkdir(parents=True)
    path.write_text(BEFORE)
    return path


def setup(tmp_path: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    hidden = ("SIA_", "ANTHROPIC_", "OPENAI_", "OPENROUTER_")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(hidden)}
    home = {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path / "config")}
    words = sia(tmp_path / "w", "setup", *arguments)
    env = {**inherited, **home, **environment}
    return subprocess.run(words, env=env, capture_output=True, text=True, timeout=120, check=False)


def test_without_a_choice_it_lists_what_there_is_and_changes_nothing(tmp_path: Path, own: Path) -> None:
    done = setup(tmp_path, ANTHROPIC_API_KEY="key-of-nobody")
    assert done.returncode == 0
    assert "key from the environment" in done.stdout
    assert "sia setup --agent AGENT" in done.stdout
    assert "key-of-nobody" not in done.stdout + done.stderr
    rows = {(one["agent"], one["model"]): one for one in json.loads(setup(tmp_path, "--json").stdout)["agents"]}
    assert not rows["claude", "anthropic:claude-sonnet-5-5"]["usable"]
    assert rows["claude", "anthropic:claude-sonnet-5-5"]["cost"] == "$2 in and $10 out for a million tokens"
    assert "not known" in rows["openai", "openai:gpt-5.6"]["cost"]
    assert rows["search", ""]["usable"]
    assert rows["claude-code", ""]["remedy"] or rows["claude-code", ""]["usable"]
    assert own.read_text() == BEFORE


def test_what_answers_is_written_and_all_else_stays(tmp_path: Path, own: Path) -> None:
    with OpenAIServer(lambda _: OpenAIPlan("ready"), models=["m"]) as server:
        place = f"openai:m@{server.url}/v1"
        done = setup(tmp_path, "--agent", "openai", "--agent-model", place)
        assert len(server.records) >= 1
    assert done.returncode == 0, done.stderr
    assert "It answers 'ready'" in done.stderr
    lines = own.read_text().splitlines()
    assert lines[:2] == BEFORE.splitlines()[:2]
    assert lines.index(f'agent_model = "{place}"') < lines.index("[budget]")
    assert "usd = 5.0 # a day" in lines
    assert setup(tmp_path, "--agent", "search").returncode == 0
    assert own.read_text().replace('agent = "search"\n', "") == BEFORE, "the model of the other agent is left out"


def test_an_agent_that_does_not_answer_is_not_written(tmp_path: Path, own: Path) -> None:
    with AnthropicServer(lambda _: Plan(["ready"]), key="another") as server:
        environment = {"ANTHROPIC_BASE_URL": server.url, "ANTHROPIC_API_KEY": "key-of-nobody"}
        done = setup(tmp_path, "--agent", "claude", **environment)
    assert done.returncode == 1
    assert "refuses a call" in done.stderr
    assert "key-of-nobody" not in done.stderr
    assert own.read_text() == BEFORE


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--agent", "claude"], "Claude cannot be used here: no key; set $ANTHROPIC_API_KEY"),
        (["--agent", "nobody"], "there is no agent 'nobody'"),
        (["--agent", "nobody", "--agent-model", "smollm2"], "there is no agent 'nobody'"),
        (["--agent", "openai", "--agent-model", "nonsense"], "'nonsense' names no model"),
        (["--agent", "search", "--agent-model", "smollm2"], "the agent search is not a language model"),
    ],
)
def test_what_cannot_be_set_up_is_one_sentence(tmp_path: Path, own: Path, arguments: list[str], says: str) -> None:
    done = setup(tmp_path, *arguments)
    assert done.returncode == 1
    assert says in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    assert own.read_text() == BEFORE


def test_a_model_that_has_to_be_named_is_not_called_by_the_word_for_its_name(tmp_path: Path, own: Path) -> None:
    done = setup(tmp_path, "--agent", "openai", OPENROUTER_API_KEY="key-of-nobody")
    assert done.returncode == 1
    assert "OpenAI cannot be used here: no key" in done.stderr
    assert own.read_text() == BEFORE


def test_what_its_server_does_not_tell_is_not_said_to_be_nothing(tmp_path: Path, own: Path) -> None:
    body = {"choices": [{"message": {"content": "ready"}, "finish_reason": "stop"}], "usage": None}
    reply = Answer(200, {"content-type": "application/json"}, [json.dumps(body).encode()])
    own.write_text("[prices.m]\ninput = 1.0\noutput = 1.0\n")
    with Server(lambda _: reply) as server:
        done = setup(tmp_path, "--agent", "openai", "--agent-model", f"openai:m@{server.url}/v1")
    assert "tokens not told, price not known" in done.stderr, done


def test_a_program_of_ones_own_is_tried_in_its_sandbox(tmp_path: Path, own: Path) -> None:
    program = tmp_path / "agent.py"
    program.write_text("import sys\nprint('ready' if 'ready' in sys.stdin.read() else 'what?')\n")
    agent = f"command:{sys.executable} {program}"
    done = setup(tmp_path, "--agent", agent)
    assert done.returncode == 0, done.stderr
    assert "It answers 'ready'" in done.stderr
    assert f'agent = "{agent}"' in own.read_text().splitlines()
    program.write_text("raise SystemExit('broken')\n")
    own.write_text(BEFORE)
    done = setup(tmp_path, "--agent", agent)
    assert done.returncode == 1
    assert "broken" in done.stderr
    assert own.read_text() == BEFORE


def test_a_file_that_is_not_valid_stays_as_it_is(tmp_path: Path, own: Path) -> None:
    own.write_text("agent = [")
    done = setup(tmp_path, "--agent", "search")
    assert done.returncode == 1
    assert str(own) in done.stderr
    assert own.read_text() == "agent = ["


def test_a_setting_that_comes_first_here_is_told(tmp_path: Path, own: Path) -> None:
    done = setup(tmp_path, "--agent", "search", SIA_AGENT="claude")
    assert "another setting comes first: agent = claude (environment)" in done.stderr
    assert own.read_text().startswith(BEFORE[:10])
