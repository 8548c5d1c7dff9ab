"""A setting in sia.toml or the environment holds for a command that leaves the option out."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from engine import trust
from sia_tui.main import cli
from tests.story import TOY


@pytest.fixture(autouse=True)
def _settled(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (workspace / "sia.toml").write_text('agent = "nobody"\nlever = "none"\n')
    trust.remember(workspace)
    monkeypatch.delenv("SIA_AGENT", raising=False)


def outcome(workspace: Path, *arguments: str) -> str:
    result = CliRunner().invoke(cli, [*arguments, "--workspace", str(workspace)])
    return f"{result.output}{result.exception or ''}"


def dry_run(workspace: Path, *options: str) -> str:
    return outcome(workspace, "run", str(TOY), "--dry-run", "--unsafe-no-sandbox", *options)


def test_flags_overrule_the_environment_and_that_the_file(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "--lever cannot be 'none'" in dry_run(workspace)
    assert "there is no agent 'nobody'" in dry_run(workspace, "--lever", "auto")
    monkeypatch.setenv("SIA_AGENT", "anybody")
    assert "there is no agent 'anybody'" in dry_run(workspace, "--lever", "auto")
    assert "Nothing was started" in dry_run(workspace, "--lever", "auto", "--agent", "search")


def test_a_mistake_in_the_file_stops_what_reads_it(workspace: Path) -> None:
    (workspace / "sia.toml").write_text("budget = { dollars = 5 }")
    for command in (["run", str(TOY)], ["config", "show"], ["models"]):
        assert "there is no setting budget.dollars" in outcome(workspace, *command)
    assert not (workspace / "events.db").exists()


def test_config_show_says_where_each_setting_comes_from(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIA_RETRIES", "2")
    rows = {line.split()[0]: line for line in outcome(workspace, "config", "show").splitlines() if line.strip()}
    assert "nobody" in rows["agent"]
    assert "environment" in rows["retries"]
    assert "the engine's default" in rows["concurrency.vllm"]
    assert rows.keys() >= {"workspace", "cache", "generations", "gate.alpha", "budget.usd", "prices"}
