"""A module in the current folder is never imported, by no process that a command starts, however sia is started."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SIA = Path(sys.executable).with_name("sia")
NAMES = (
    *("msgspec", "textual", "click", "anyio", "numpy", "sqlite3", "pysqlite3", "scipy", "sklearn", "optuna", "pip"),
    *("engine", "domains", "harness_repo", "pydantic", "pydantic_settings", "platformdirs", "filelock", "zstandard"),
    *("rich", "keyring", "gitdb", "aiohttp", "textual_serve", "watchfiles", "sqlite_utils", "httpx2", "tornado"),
    *("json", "asyncio", "tomllib", "ctypes", "uuid", "logging", "sitecustomize", "usercustomize"),
)
PROGRAMS = ("git", "bwrap", "nvidia-smi", "ldconfig", "cat")


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """A current folder full of modules and programs that leave a mark as soon as they are used."""
    folder = tmp_path / "hostile"
    (tmp_path / "ran").mkdir()
    folder.mkdir()
    for name in NAMES:
        (folder / f"{name}.py").write_text(f"open({str(tmp_path / 'ran' / name)!r}, 'w')\nraise ImportError\n")
    for name in PROGRAMS:
        (folder / name).write_text(f"#!/bin/sh\necho > '{tmp_path / 'ran' / name}'\nexit 1\n")
        (folder / name).chmod(0o755)
    return folder


def _call(folder: Path, *arguments: str, **environment: str) -> str:
    done = subprocess.run(
        [SIA, *arguments],
        cwd=folder,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, (arguments, done.stdout, done.stderr)
    return done.stdout


def _ran(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder.parent / "ran").iterdir())


def test_an_empty_entry_of_a_search_path_is_not_the_current_folder(hostile: Path) -> None:
    """Python itself has looked there before sia begins; what sia starts does not."""
    code = "import sys, subprocess; sys.path[:0] = ['', sys.argv[1]]; import sia_tui.main; "
    code += (
        "subprocess.run([sys.executable, '-P', '-c', 'import msgspec, numpy']); subprocess.run(['git', '--version'])"
    )
    safe = os.environ | {"PYTHONPATH": ":/nowhere", "PATH": f":.:{os.environ['PATH']}"}
    for name in ("sitecustomize", "usercustomize"):
        (hostile / f"{name}.py").unlink()
    subprocess.run([sys.executable, "-P", "-c", code, hostile], cwd=hostile, env=safe, check=True, capture_output=True)
    assert _ran(hostile) == []


def test_what_a_person_named_stays(tmp_path: Path) -> None:
    code = "import sia_tui, sys, os; print(sys.argv[1] in sys.path, os.environ['PYTHONPATH'])"
    done = subprocess.run(
        [sys.executable, "-P", "-c", code, tmp_path],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": f"{tmp_path}:"},
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout.split() == ["True", str(tmp_path)]


def test_every_python_is_started_without_the_current_folder() -> None:
    """In lists of words, the one after `sys.executable` is -P; the exceptions start this very command again."""
    again = {"sia_tui/cli/processes/environment.py", "engine/checkout/runner.py"}
    inside = {"engine/importers/templates/target.py", "domains/trimul/harness-lm/archive.py"}  # run in the sandbox
    files = [path for top in ("engine", "sia_tui", "domains", "harness_repo") for path in (ROOT / top).rglob("*.py")]
    found = {
        path.relative_to(ROOT).as_posix(): match.group(1).strip()
        for path in files
        for match in re.finditer(r"(?:[\[(]|^ +)sys\.executable,\s*([^,]*),", path.read_text(), re.MULTILINE)
    }
    assert len(found) > 8
    assert {path for path, word in found.items() if word not in ('"-P"', '"-s"')} == again | inside


@pytest.mark.slow
def test_no_command_imports_or_runs_what_lies_in_the_current_folder(hostile: Path) -> None:
    _call(hostile, "doctor")
    _call(hostile, "run", "toy", "--generations", "2", "--headless")
    _call(hostile, "test", "last", "--headless")
    _call(hostile, "branch", "last", "--generation", "1", "--generations", "2", "--headless")
    _call(hostile, "replay", "last", "--verify")
    _call(hostile, "verify")
    _call(hostile, "export", "last", "-o", "a.sia")
    _call(hostile, "--help")
    _call(hostile, "new", "mine", "--template", "classify")
    _call(hostile, "check", "mine")
    _call(hostile, "checkout", "last", "-o", "best")
    _call(hostile, "gc", "--yes")
    assert _ran(hostile) == []


@pytest.mark.slow
def test_no_run_of_the_app_imports_what_lies_in_the_current_folder(
    hostile: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sia_tui.cli.processes.engine_process import EngineProcess

    monkeypatch.chdir(hostile)
    engine = EngineProcess(["run", "toy", "--generations", "1"], hostile / ".sia")
    end = time.monotonic() + 120
    while engine.wait(1.0) is None:
        assert time.monotonic() < end
    engine.process.wait(120)
    assert engine.process.returncode == 0
    assert _ran(hostile) == []
