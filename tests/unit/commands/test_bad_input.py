"""Bad input gets one plain sentence with the remedy, exit status 1 or 2, and changes nothing."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from engine import trust
from engine.events.reader import Reader
from sia_tui.main import cli
from tests.story import TOY, sia


def call(workspace: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        sia(workspace, *arguments),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, **environment},
    )


def everything(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def refused(result: subprocess.CompletedProcess[str], *words: str, status: int = 1) -> None:
    assert result.returncode == status, result
    assert "Traceback" not in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1, result.stderr
    for word in words:
        assert word in result.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "no-such-domain"], ["no-such-domain", "lawbench"]),
        (["run", str(TOY), "--generations", "0"], ["generation", "--generations"]),
        (["run", str(TOY), "--workers", "0"], ["worker"]),
        (["run", str(TOY), "--agent", "oracle"], ["oracle", "search"]),
        (["run", str(TOY), "--agent", "script:missing.toml"], ["missing.toml", "script:"]),
        (["run", str(TOY), "--lever", "sideways"], ["sideways", "harness"]),
        (["run", str(TOY), "--lever", "weights"], ["weights", "--model"]),
        (["run", str(TOY), "--probes", "-3"], ["probe", "--probes"]),
        (["run", str(TOY), "--approve", "perhaps"], ["perhaps", "weights"]),
        (["run", str(TOY), "--name", "No Name"], ["No Name", "letters"]),
        (["run", str(TOY), "--name", "last"], ["stands for one", "another name"]),
        (["run", ""], ["empty text", "name one"]),
        (["run", str(TOY), "--budget-minutes", "-1"], ["budget"]),
        (["run", str(TOY), "--budget-usd", "nan"], ["budget"]),
        (["run", "lawbench", "--data", "/nowhere"], ["/nowhere"]),
        (["ls"], ["sia run"]),
        (["show", "last"], ["sia run"]),
        (["resume"], ["sia run"]),
        (["pause"], ["sia run"]),
        (["verify"], ["sia run"]),
        (["replay", "--file", "nowhere.db"], ["nowhere.db"]),
    ],
)
def test_a_wrong_word_creates_no_workspace(tmp_path: Path, arguments: list[str], words: list[str]) -> None:
    refused(call(tmp_path / "w", *arguments), *words)
    assert not (tmp_path / "w").exists()


def test_an_unknown_option_is_bad_usage(tmp_path: Path) -> None:
    result = call(tmp_path / "w", "run", str(TOY), "--no-such-option")
    assert result.returncode == 2
    assert "Traceback" not in result.stderr


def test_a_run_named_beside_a_file_is_bad_usage(tmp_path: Path) -> None:
    result = call(tmp_path / "w", "import", "run.sia", "--run", "last")
    assert result.returncode == 2
    assert "--run goes with --adapter" in result.stderr


def test_a_broken_domain_is_named(tmp_path: Path) -> None:
    broken = shutil.copytree(TOY, tmp_path / "broken")
    (broken / "domain.toml").write_text("name = 3")
    refused(call(tmp_path / "w", "run", str(broken)), "domain.toml")
    shutil.copy(TOY / "domain.toml", broken)
    (broken / "domain.py").write_text("raise RuntimeError('no data today')")
    refused(call(tmp_path / "w", "run", str(broken)), "no data today")
    shutil.copy(TOY / "domain.py", broken)
    (broken / "harness" / "agent.py").write_text("def solve(:")
    refused(call(tmp_path / "w", "run", str(broken)), "agent.py")
    assert not (tmp_path / "w").exists()


@pytest.mark.parametrize(
    "damage",
    [b"this is no database, but long enough to be looked at" * 100, b"SQLite format 3\0" + b"\xff" * 5000],
)
def test_a_damaged_log_is_left_as_it_is(tmp_path: Path, damage: bytes) -> None:
    (tmp_path / "events.db").write_bytes(damage)
    trust.remember(tmp_path)
    before = everything(tmp_path)
    for arguments in (["run", str(TOY)], ["ls"], ["resume"]):
        refused(call(tmp_path, *arguments), "events.db", "damaged")
    assert everything(tmp_path) == before


def test_a_log_of_another_program_or_a_newer_release_is_left_as_it_is(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "events.db") as db:
        db.execute("CREATE TABLE songs (name TEXT)")
    trust.remember(tmp_path)
    before = everything(tmp_path)
    refused(call(tmp_path, "run", str(TOY)), "not a log of sia")
    assert everything(tmp_path) == before
    (tmp_path / "events.db").unlink()
    with sqlite3.connect(tmp_path / "events.db") as db:
        db.execute("CREATE TABLE events (seq)")
        db.execute("PRAGMA application_id = 0x53494131")
        db.execute("PRAGMA user_version = 99")
    before = everything(tmp_path)
    refused(call(tmp_path, "run", str(TOY)), "newer release", "upgrade")
    refused(call(tmp_path, "ls"), "newer release", "upgrade")
    assert everything(tmp_path) == before


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    refused(call(tmp_path / "file" / "w", "run", str(TOY)), "--workspace")


def test_a_workspace_path_may_hold_any_sign(tmp_path: Path) -> None:
    odd = tmp_path / "a b?c#d%20é"
    result = call(odd, "run", str(TOY), "--generations", "1", "--headless")
    assert result.returncode == 0, result.stderr
    for arguments in (["show"], ["verify"], ["replay", "--verify"], ["log"]):
        assert call(odd, *arguments).returncode == 0


@pytest.mark.parametrize("command", [["fork", "last", "--at", "3"], ["branch", "last", "--generation", "1"]])
def test_a_child_that_could_not_start_is_not_made(command: list[str], workspace: Path, finished: str) -> None:
    refused = CliRunner().invoke(cli, [*command, "--workers", "0", "--workspace", str(workspace)])
    assert "workers are not 1 to" in str(refused.exception)
    with contextlib.closing(Reader.open(workspace / "events.db")) as reader:
        assert [run.run for run in reader.runs()] == [finished]
