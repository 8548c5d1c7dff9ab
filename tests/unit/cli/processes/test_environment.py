"""Wherever sia is started: text is UTF-8, there is a home folder, what it says is seen, no other user changes files."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from sia_tui.cli.processes.environment import prepare_process


@pytest.mark.parametrize(
    ("foreign", "umask"),
    [({"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}, 0), ({"PYTHONIOENCODING": "ascii"}, 0o277)],
)
def test_a_locale_without_unicode_and_a_strange_umask_are_no_obstacles(
    foreign: dict[str, str], umask: int, tmp_path: Path
) -> None:
    def call(*arguments: str) -> str:
        command = [sys.executable, "-m", "sia_tui", *arguments]
        environment = {name: value for name, value in os.environ.items() if name != "LANG"} | foreign
        return subprocess.run(
            command,
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            encoding="utf-8",
            timeout=60,
            check=True,
            umask=umask,
        ).stdout

    call("new", "tickets", "--template", "classify")
    task = tmp_path / "tickets" / "domain.toml"
    task.write_text(task.read_text(encoding="utf-8").replace('title = "', 'title = "Wohin? 字 '), encoding="utf-8")
    told = call("run", "tickets", "--generations", "1", "--plain")
    assert ("字" if "PYTHONUTF8" in foreign else "\\u5b57") in told
    made = list((tmp_path / ".sia").rglob("*"))
    assert {path.name for path in made} >= {"events.db", "tips"}
    # git makes its objects read-only
    assert {oct(path.stat().st_mode & 0o777) for path in made} <= {"0o700", "0o755", "0o600", "0o644", "0o444", "0o400"}
    assert (tmp_path / ".sia").stat().st_mode & 0o777 == 0o700


def test_a_user_whom_the_system_does_not_know_has_a_home(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setenv("HOME", "")
    monkeypatch.setattr(Path, "home", unknown)
    prepare_process()
    assert os.environ["HOME"] == "/"


def test_a_screen_of_no_size_hides_nothing(tmp_path: Path) -> None:
    call = [sys.executable, "-m", "sia_tui", "replay", "recorded", "--until", "1"]
    environment = os.environ | {"COLUMNS": "0", "LINES": "0", "PYTHONUTF8": "1"}
    done = subprocess.run(
        call, cwd=tmp_path, env=environment, capture_output=True, encoding="utf-8", timeout=60, check=True
    )
    assert done.stdout.strip()


@pytest.mark.parametrize("size", ["0", "00", "-1", "\u00b2", "99999999999", "wide", "", "132"])
def test_only_a_size_is_taken_for_one(size: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", size)
    monkeypatch.setenv("LINES", size)
    prepare_process()
    assert os.environ.get("COLUMNS") == os.environ.get("LINES") == ("132" if size == "132" else None)


def test_a_closed_stream_takes_nothing_with_it(tmp_path: Path) -> None:
    call = f"{shlex.quote(sys.executable)} -m sia_tui replay recorded --until 1"
    for closed in (">&-", "2>&-", "<&-"):
        done = subprocess.run(
            ["/bin/sh", "-c", f"{call} {closed}"], cwd=tmp_path, capture_output=True, encoding="utf-8", check=False
        )
        assert (done.returncode, done.stderr) == (0, "")
