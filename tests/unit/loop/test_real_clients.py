"""The real clients, from npm, as agents of a run, against servers on loopback that play a model."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from engine.clients.table import CLIENTS
from engine.events import types as t
from engine.events.reader import Reader
from engine.sandbox import probe
from tests.fakes import playing_client as player
from tests.fakes.anthropic_server import KEY
from tests.fakes.coding_servers import (
    claude_code_server,
    codex_configuration,
    codex_server,
    gemini_server,
    opencode_configuration,
    opencode_server,
)
from tests.playing import payloads, small
from tests.story import sia

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
PACKAGES = {
    "claude-code": "@anthropic-ai/claude-code",
    "codex": "@openai/codex",
    "opencode": "opencode-ai",
    "gemini": "@google/gemini-cli",
}
LONG = "SIA_LONG" in os.environ
ONLY_LONG = pytest.mark.skipif(not LONG, reason="`make test-long` runs it; Claude Code and Codex improve a task here")
AGENTS = ["claude-code", "codex", *(pytest.param(agent, marks=ONLY_LONG) for agent in ("opencode", "gemini"))]
MODEL = {"gemini": ("--agent-model", "gemini-2.5-pro")}
"""Its own choice of a model asks a second one."""
NPM_S = 240


class Installation(NamedTuple):
    """Where the clients are installed, and the environment of a user who has them."""

    folder: Path
    home: Path

    def environment(self, **more: str) -> dict[str, str]:
        path = f"{self.folder}/node_modules/.bin:{os.environ['PATH']}"
        kept = {name: value for name, value in os.environ.items() if name.startswith(("XDG_", "LANG", "TMPDIR"))}
        quiet = {"DISABLE_TELEMETRY": "1", "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1"}
        return {**kept, "PATH": path, "HOME": str(self.home), **quiet, **more}


@pytest.fixture(scope="module")
def npm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the clients, in the versions of the table."""
    if probe().level == "none":
        pytest.skip("no sandbox can be built here")
    if shutil.which("npm") is None:
        pytest.skip("there is no npm on this machine")
    folder = tmp_path_factory.mktemp("npm")
    needed = {name: package for name, package in PACKAGES.items() if LONG or name in AGENTS}
    wanted = [f"{package}@{CLIENTS[name].tried[-1]}" for name, package in needed.items()]
    command = ["npm", "install", "--prefix", str(folder), "--no-audit", "--no-fund", "--prefer-offline", *wanted]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=NPM_S, check=False)
    except subprocess.TimeoutExpired:
        pytest.skip(f"npm did not install the clients within {NPM_S} s")
    if done.returncode:
        pytest.skip(f"npm cannot be reached: {done.stderr.strip().splitlines()[-1:]}")
    return folder


@pytest.fixture
def installation(npm: Path, tmp_path: Path) -> Installation:
    (tmp_path / "home").mkdir()
    return Installation(npm, tmp_path / "home")


@contextlib.contextmanager
def served(agent: str, installation: Installation) -> Iterator[dict[str, str]]:
    """The environment in which the client reaches a server that plays."""
    if agent == "claude-code":
        (installation.home / ".claude").mkdir()
        with claude_code_server() as server:
            yield installation.environment(ANTHROPIC_BASE_URL=server.url, ANTHROPIC_API_KEY=KEY)
    elif agent == "gemini":
        (installation.home / ".gemini").mkdir()
        with gemini_server() as server:
            yield installation.environment(GOOGLE_GEMINI_BASE_URL=server.url, GEMINI_API_KEY="a-key-for-tests")
    elif agent == "opencode":
        for name in CLIENTS["opencode"].own[:4]:
            (installation.home / name).mkdir(parents=True)
        with opencode_server() as server:
            configuration = installation.home / ".config" / "opencode" / "opencode.json"
            configuration.write_text(opencode_configuration(server.url))
            yield installation.environment(OPENCODE_DISABLE_MODELS_FETCH="1", OPENCODE_DISABLE_LSP_DOWNLOAD="1")
    else:
        (installation.home / ".codex").mkdir()
        with codex_server() as server:
            (installation.home / ".codex" / "config.toml").write_text(codex_configuration(server.url))
            yield installation.environment(FAKE_API_KEY="a-key-for-tests")


def run(folder: Path, environment: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*sia(folder / "w", *words), "--headless"],
        env=environment, capture_output=True, text=True, timeout=800, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("agent", AGENTS)
def test_it_improves_over_three_generations_by_code_that_it_wrote_into_files(
    agent: str, installation: Installation, tmp_path: Path
) -> None:
    toy = small(tmp_path / "times7", val=40)
    with served(agent, installation) as environment:
        done = run(tmp_path, environment, "run", toy, "--agent", agent, "--generations", "4", *MODEL.get(agent, ()))
    assert done.returncode == 0, done
    workspace = tmp_path / "w"
    errands = payloads(workspace, t.ClientFinished)
    with contextlib.closing(Reader.open(workspace / "events.db")) as reader:
        transcripts = [reader.blob(one.transcript).decode() for one in errands]
        written = [reader.blob(one.files["agent.py"]).decode() for one in payloads(workspace, t.HarnessWritten)]
    assert written == [player.program(rule) for rule in (player.FIRST, *player.RULES)], transcripts
    assert [one.accepted for one in payloads(workspace, t.GateDecided)] == [True, True, True, False]
    assert payloads(workspace, t.AnalysisFinished)[-1].notebook.count("after") == 3
    assert [(one.said, one.failure) for one in errands] == [([], None)] * 4
    for one in errands:
        assert (one.client, one.release) == (agent, CLIENTS[agent].tried[-1])
        assert one.usage.total > 0 and one.turns > 3 and one.wall_s > 0
        assert (one.unmetered, one.usd > 0) == ((False, True) if agent == "claude-code" else (True, False))
    tries = [one.failed for one in payloads(workspace, t.ToolCalled) if one.name == "sia-try"]
    assert tries == [False] * 4, "sia-try has answered"
    # the server is gone: nothing is asked
    verified = run(tmp_path, installation.environment(), "replay", "last", "--verify", "--json")
    assert json.loads(verified.stdout)["identical"]
    again = run(tmp_path, installation.environment(), "fork", "last", "--at", "4", "--name", "again")
    assert again.returncode == 0, again
    assert [one.reused for one in payloads(workspace, t.ClientFinished)].count(True) == 4


@ONLY_LONG
def test_the_same_mind_behind_the_api_and_behind_claude_code_reaches_the_same_candidates(
    installation: Installation, tmp_path: Path
) -> None:
    pytest.importorskip("anthropic", reason="the extra agents is not installed")
    with served("claude-code", installation) as environment:
        for agent in ("claude-code", "claude"):
            (tmp_path / agent).mkdir()
            toy = small(tmp_path / agent / "times7", val=40)
            done = run(tmp_path / agent, environment, "run", toy, "--agent", agent, "--generations", "3")
            assert done.returncode == 0, done
    by_client, by_api = (
        [
            [one.files for one in payloads(tmp_path / agent / "w", t.HarnessWritten)],
            [(one.accepted, one.difference) for one in payloads(tmp_path / agent / "w", t.GateDecided)],
            [(one.reason, one.findings) for one in payloads(tmp_path / agent / "w", t.AnalysisFinished)],
        ]
        for agent in ("claude-code", "claude")
    )
    assert by_client == by_api and len(by_client[0]) == 3


@pytest.mark.parametrize("agent", ["claude-code", "codex"])
def test_without_a_login_the_run_stops_with_one_sentence(
    agent: str, installation: Installation, tmp_path: Path
) -> None:
    toy = small(tmp_path / "times7")
    with served(agent, installation) as environment:
        lacks = {name: value for name, value in environment.items() if not name.endswith("_API_KEY")}
        done = run(tmp_path, lacks, "run", toy, "--agent", agent, "--generations", "2", "--agent-minutes", "2")
    assert done.returncode == 1, done
    assert f"{CLIENTS[agent].title} is not logged in" in done.stderr, done
    assert CLIENTS[agent].login in done.stderr
