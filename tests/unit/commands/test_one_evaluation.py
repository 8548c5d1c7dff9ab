"""Every command that runs a harness evaluates alike: on a domain with folders, a verifier, and no learning."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from engine import trust
from engine.loop.launch import plan, start
from engine.run.options import Options
from engine.run.workspace import Workspace
from engine.steps.agent_tools import StepTools
from engine.steps.agent_view import LiveRunRecord
from engine.steps.probes import NoLab
from engine.steps.workbench.tryouts import Tryouts
from harness_repo.harness import parse
from tests.fakes.anthropic_server import AnthropicServer, Plan
from tests.fakes.serving import Asked
from tests.playing import environment
from tests.story import SCALED, sia

LEARNS = b"def solve(instance, ctx):\n    return {'value': len(ctx.train())}\n"
ASKS = "def solve(instance, ctx):\n    return {'value': int(ctx.model.chat(['how much?'])['text'])}\n"


def call(
    workspace: Path, *arguments: str, status: int = 0, text: str = "", url: str = ""
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        sia(workspace, *arguments),
        input=text, capture_output=True, text=True, check=False, timeout=120, env=environment(url),
    )  # fmt: skip
    assert done.returncode == status, done
    assert "Traceback" not in done.stderr
    return done


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("alike") / "w"
    call(place, "run", str(SCALED), "--generations", "1")
    return place


def test_execution_and_baselines_are_verified(workspace: Path) -> None:
    facts = json.loads(call(workspace, "show", "last", "--json").stdout)
    assert facts["generations"][0]["val"]["score"] == 2 * 111.5
    assert [one["score"] for one in facts["baselines"]] == [2.0]


def test_the_sealed_test_is_verified(workspace: Path, tmp_path: Path) -> None:
    copied = shutil.copytree(workspace, tmp_path / "w")
    trust.remember(copied)
    facts = json.loads(call(copied, "test", "last", "--json").stdout)
    assert facts["score"] == 2 * 120.5 and [one["score"] for one in facts["baselines"]] == [2.0]


def test_the_sealed_test_says_how_far_it_is(workspace: Path, tmp_path: Path) -> None:
    copied = shutil.copytree(workspace, tmp_path / "w")
    trust.remember(copied)
    often = (
        "import importlib; importlib.import_module('sia_tui.commands.results.test').EVERY_S = 0.02; "
        "from sia_tui.main import main; main()"
    )
    words = [sys.executable, "-c", often, "test", "last", "--workspace", str(copied)]
    done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=120, env=environment(""))
    told = [line for line in done.stderr.splitlines() if line.startswith("sealed test: ")]
    assert any(re.fullmatch(r"sealed test: answers: \d+/\d+ · \d+ s so far", line) for line in told), done.stderr


def test_apply_and_pictures_see_the_domain_s_folders(workspace: Path, tmp_path: Path) -> None:
    facts = json.loads(call(workspace, "apply", "last", "-", "--json", text="7\n").stdout)
    assert facts["answers"][0]["answer"] == {"value": 107, "learnt": 0}
    call(workspace, "show", "last", "--plots", str(tmp_path / "drawn"))
    drawn = json.loads((tmp_path / "drawn" / "answers.json").read_text())
    assert drawn == [["generation 1", {"verified": 220}]]


def test_a_smoke_run_learns_nothing_where_the_domain_says_so(tmp_path: Path) -> None:
    async def go() -> str:
        async with start(Workspace(tmp_path / "w"), await plan(Options(domain=str(SCALED)), print)) as run:
            record = LiveRunRecord(run, await run.domain.train())
            tools = StepTools(run, "meta", "meta/0", record, NoLab(), Tryouts(run, 0, 0, None))
            return (await tools.smoke(parse({"harness.toml": b'name = "learns"\n', "agent.py": LEARNS}))).text

    assert "score 0" in asyncio.run(go())


def test_check_gives_the_verifier_s_domain_its_data_and_says_what_fails(tmp_path: Path) -> None:
    (tmp_path / "extra").write_text("1000")
    found = json.loads(call(tmp_path, "check", str(SCALED), "--data", str(tmp_path / "extra"), "--json").stdout)
    assert "gives the seed 1200" in json.dumps(found)
    folder = shutil.copytree(SCALED, tmp_path / "broken")
    (folder / "harness" / "harness.toml").write_text("name = 3\n")
    assert "the seed harness is not valid" in call(tmp_path, "check", str(folder), status=1).stdout


@pytest.mark.slow
def test_a_model_that_is_away_is_told_in_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("anthropic", reason="the extra agents is not installed")
    monkeypatch.setenv("SIA_PATIENCE", "0.01")
    model = ("--model", "anthropic:claude-haiku-4-5")
    asking = shutil.copytree(SCALED, tmp_path / "asking")
    (asking / "harness" / "agent.py").write_text(ASKS)
    away = False

    def script(_: Asked) -> Plan:
        return Plan(status=529, headers={"retry-after": "0"}) if away else Plan(blocks=["5"])

    with AnthropicServer(script) as server:
        call(tmp_path / "w", "run", str(asking), *model, "--generations", "1", url=server.url)
        away = True
        (tmp_path / "in.jsonl").write_text("7\n")
        applied = call(tmp_path / "w", "apply", "last", str(tmp_path / "in.jsonl"), status=1, url=server.url)
        checked = call(tmp_path / "w", "check", str(asking), *model, status=1, url=server.url)
    assert "the candidate could not be run" in applied.stderr
    assert "the seed harness could not be run" in checked.stdout
