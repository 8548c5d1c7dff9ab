"""Names in a log or a workspace that sia did not write: they reach the terminal as visible characters only."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from engine.errors import SiaError
from engine.events.log import RunLog
from sia_tui.app.screens.harness_editor import HarnessEditor
from sia_tui.main import cli
from tests.histories import Play, settings, started

EVIL = "[/b]\\[u]x\x1b]0;owned\x07\x9b2J\ny"
LINES = (
    *(
        "ls",
        "show last",
        "log last",
        "log last --instances",
        "tree",
        "cost last",
        "replay last",
        "replay last --verify",
    ),
    *("verify", "diff last 1 2", "trajectory last val-0", "config show last", "bisect last val-0", "compare r1 r1"),
    *("compare r1 --what-if gate.alpha=.5", "export last -o x.sia", "export last -o x.jsonl", "note last seen", "gc"),
    *("checkout last -o taken", "branch last --generation 1 --no-start", "fork last --at 20 --no-start", "rebuild"),
    *("ls --json", "show last --json", "log last --json", "replay last --json", "compare r1 r1 --json"),
    *("rename last better", "rm last --yes", "gc --yes"),
)


@pytest.fixture
def forged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace in which every name is hostile."""
    monkeypatch.chdir(tmp_path)
    first = started(settings(agent="search", model="", lever="auto"))
    domain = replace(
        first.domain,
        **dict.fromkeys(("name", "source", "title", "metric", "caution"), EVIL),
        counts=first.domain.counts,
    )
    first = replace(
        first,
        name=EVIL,
        domain=domain,
        versions={EVIL: EVIL},
        isolation={"level": EVIL, "measures": {EVIL: EVIL}},
    )
    with contextlib.closing(RunLog.hold(tmp_path / ".sia", "r1")) as log:
        Play(log, first).to_rest()  # type: ignore[arg-type]
    for folder in ("tips", "locks", "control", "adapters", "training"):
        (tmp_path / ".sia" / folder).mkdir(exist_ok=True)
        (tmp_path / ".sia" / folder / EVIL.replace("/", "")).write_text("{}")
    return tmp_path


def test_no_name_reaches_the_terminal_as_a_command(forged: Path) -> None:
    harm = {}
    for line in LINES:
        done: Any = CliRunner().invoke(cli, line.split())
        raised = not isinstance(done.exception, SystemExit | SiaError | None)
        if raised or any(letter in done.output for letter in "\x1b\x07\x9b"):
            harm[line] = repr(done.exception) + done.output
    assert harm == {}


def test_json_keeps_names_as_they_are(forged: Path) -> None:
    listed = json.loads(CliRunner().invoke(cli, ["ls", "--json"]).output)
    logged = CliRunner().invoke(cli, ["log", "last", "--json"]).output.splitlines()
    assert [run["name"] for run in listed] == [EVIL]
    assert json.loads(logged[0])["payload"]["name"] == EVIL


def test_nor_does_the_sentence_of_an_error(forged: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-m", "sia_tui", "resume", "r1", "--headless"], capture_output=True, check=False
    )
    assert done.returncode == 1
    assert b"\x1b" not in done.stderr and rb"\x1b]0;owned" in done.stderr, done.stderr


@pytest.mark.parametrize("path", ["../outside", "/{}/outside", "a/../../outside", ".git/hooks/x"])
def test_no_path_in_a_log_leads_the_editor_out_of_its_folder(
    tmp_path: Path, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "scratch"))
    (tmp_path / "scratch").mkdir()
    with pytest.raises(SiaError, match="not a plain relative path"):
        HarnessEditor("a candidate", {"agent.py": b"", path.format(tmp_path): b"theirs"}, "Use it")
    assert [one.name for one in tmp_path.rglob("*")] == ["scratch"]
