"""`pip install` of the wheel into a new environment, then everything that a newcomer is offered, on a small terminal.

As root and as an ordinary user, each with an empty home and in an empty folder.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from benchmarks.pseudo_terminal import PseudoTerminal
from sia_tui.cli import welcome
from tests.fresh.machine import PATH

pytestmark = pytest.mark.slow
USERS = {"as we are": None, **({"as an ordinary user": 61234} if os.geteuid() == 0 else {})}


@pytest.fixture(scope="module")
def environment(wheel: Path) -> Iterator[Path]:
    """A new environment with the wheel and what it requires, where every user can read it."""
    with tempfile.TemporaryDirectory(prefix="sia-wheel-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        python = shutil.which("python3", path=PATH)
        assert python, f"no python3 in {PATH}"
        subprocess.run([python, "-m", "venv", str(folder / "venv")], check=True, timeout=200)
        subprocess.run([str(folder / "venv/bin/pip"), "install", "--quiet", str(wheel)], check=True, timeout=1500)
        yield folder


@pytest.mark.timeout(2000)
@pytest.mark.parametrize("user", USERS)
def test_a_newcomer_looks_at_the_recording_and_runs_the_ten_second_task(environment: Path, user: str) -> None:
    uid = USERS[user]
    home = environment / user.replace(" ", "-")
    folder = home / "empty folder"
    folder.mkdir(parents=True)
    if uid is not None:
        for path in (home, folder):
            os.chown(path, uid, uid)
    becomes = ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups"] if uid else []
    command = ["env", "-C", str(folder), *becomes, str(environment / "venv/bin/sia")]
    clean: Mapping[str, str] = {"HOME": str(home), "PYTHONPATH": "", "XDG_CONFIG_HOME": "", "XDG_STATE_HOME": ""}

    with PseudoTerminal(command, columns=80, rows=24, env=clean) as terminal:
        terminal.until(lambda shown: all(way.title in shown.text for way in welcome.WAYS) and "recorded" in shown.text)
        assert all(line in terminal.text for line in (*welcome.WHAT, welcome.HERE))
        terminal.press("1")
        terminal.until(lambda shown: "read-only" in shown.text and "0.8118" in shown.text)
        terminal.press("q")
        assert terminal.ended() == 0
    assert not (folder / ".sia").exists()

    with PseudoTerminal(command, columns=80, rows=24, env=clean) as terminal:
        terminal.until(lambda shown: welcome.WAYS[1].title in shown.text)
        terminal.press("2")
        terminal.until(lambda shown: any("toy-1" in row and "finished" in row for row in shown.lines), timeout=120)
        terminal.press("q")
        assert terminal.ended() == 0

    def told(*arguments: str) -> str:
        given = {**os.environ, **clean}
        return subprocess.run([*command, *arguments], env=given, capture_output=True, text=True, check=True).stdout

    assert any(one["accepted"] for one in json.loads(told("show", "toy-1", "--json"))["generations"][1:])
    assert "identical" in told("replay", "recorded", "--verify")
    assert "identical" in told("replay", "toy-1", "--verify")
