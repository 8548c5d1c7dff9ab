"""Nothing from elsewhere is used or executed before its user has trusted it: a workspace, or a path in a log."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from engine import trust
from engine.errors import SiaError
from engine.run.domain_session import check_code
from engine.run.workspace import Workspace
from engine.transfer.run_import import import_run
from sia_tui.cli import consent
from sia_tui.cli.options import Shared
from tests.story import TOY
from tests.unit.cli.trust.strangers import EXECUTING, make, ref_to, sia
from tests.unit.transfer.carried import seal_to

READING = (
    *("ls", "show last", "log last", "tree", "cost last", "replay last --verify", "verify", "diff last 1 2"),
    *("trajectory last val-0", "config show last", "note last seen", "rename last better", "export last -o x.sia"),
    *("rebuild", "gc", "branch last --generation 1 --no-start", "rm last --yes"),
)


def test_looking_needs_no_trust_and_executes_nothing(
    downloaded: Workspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for line in READING:
        done = sia(downloaded.path.parent, line, monkeypatch)
        assert done.exit_code == 0, (line, done.output, done.exception)
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize("line", EXECUTING)
def test_what_executes_refuses_a_strangers_workspace_and_domain(
    downloaded: Workspace, task: Path, line: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (downloaded.path.parent / "in.jsonl").write_text("1\n")
    done = sia(downloaded.path.parent, line, monkeypatch, "--headless")
    assert isinstance(done.exception, trust.Untrusted), (done.output, done.exception)
    assert done.exception.places == [downloaded.path, task]
    assert f"`sia trust {downloaded.path} {task}`" in str(done.exception)
    assert not (tmp_path / "executed").exists()


def test_a_new_run_does_not_use_a_strangers_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".sia").mkdir()
    (tmp_path / ".sia" / "sia.toml").write_text("agent = 'claude'\n")
    done = sia(tmp_path, "run toy --generations 1", monkeypatch, "--headless")
    assert isinstance(done.exception, trust.Untrusted)
    assert done.exception.places == [tmp_path / ".sia"]


def test_the_engine_refuses_by_itself(downloaded: Workspace, task: Path, tmp_path: Path) -> None:
    """Also where a command forgets to ask."""
    trust.remember(downloaded.path)
    with pytest.raises(trust.Untrusted, match="trust"):
        check_code(ref_to(task))
    with pytest.raises(trust.Untrusted):
        check_code(replace(ref_to(TOY), source="toy", data=str(task)))
    trust.remember(task)
    assert check_code(ref_to(task)).path == task


def test_an_imported_run_does_not_lead_to_a_relative_path(
    task: Path, tmp_path: Path, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A forged file says `source = "task"`, which lies in the folder that came with it."""
    file = seal_to(make(tmp_path / "forger" / ".sia", ref_to(task, "task")), tmp_path / "downloaded" / "run.sia")
    shutil.rmtree(state)
    monkeypatch.chdir(tmp_path / "downloaded")
    mine = Workspace(tmp_path / "mine")
    import_run(mine, file)
    here, where = tmp_path / "downloaded", f"--headless --workspace {mine.path}"
    done = sia(here, f"resume last --generations 99 {where}", monkeypatch)
    assert isinstance(done.exception, trust.Untrusted), (done.output, done.exception)
    assert done.exception.places == [task]
    for line in ("branch r1 --generation 1 --from run.sia", "fork r1 --at 20 --from run.sia"):
        done = sia(here, f"{line} {where}", monkeypatch)
        assert isinstance(done.exception, trust.Untrusted), (done.output, done.exception)
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize(("answer", "trusted"), [("y\n", True), ("n\n", False), ("", False)])
def test_in_a_terminal_it_asks_once(
    downloaded: Workspace, task: Path, answer: str, trusted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = Shared(downloaded, as_json=False, headless=False)

    @click.command()
    def command() -> None:
        monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
        consent.ask_for_run(shared, "last")

    done = CliRunner().invoke(command, input=answer)
    assert (done.exit_code == 0) is trusted, done.output
    assert ("Do you trust it?" in done.output) and str(task) in done.output
    assert trust.untrusted(downloaded.path, [task]) == ([] if trusted else [downloaded.path, task])
    if trusted:
        consent.ask_for_run(shared, "last")  # asks nothing


def test_a_named_task_is_trusted_from_then_on(task: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = sia(tmp_path, f"run {task} --generations 1 --headless", monkeypatch)
    assert done.exit_code == 0, (done.output, done.exception)
    assert trust.untrusted(tmp_path / ".sia", [task]) == []


def test_the_command_lists_and_forgets(downloaded: Workspace, task: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = downloaded.path.parent
    assert sia(home, "trust", monkeypatch).output == "Nothing is trusted yet.\n"
    assert sia(home, "trust . task", monkeypatch).output == ". and task is trusted.\n"
    assert sia(home, "trust --list", monkeypatch).output.split() == sorted([str(home), str(downloaded.path), str(task)])
    assert trust.untrusted(downloaded.path, [task]) == []
    assert sia(home, "trust --forget .", monkeypatch).exit_code == 0
    assert trust.untrusted(downloaded.path, [task]) == [downloaded.path]
    assert isinstance(sia(home, "trust --forget .", monkeypatch).exception, SiaError)
    assert isinstance(sia(home, "trust nothing-here", monkeypatch).exception, SiaError)
