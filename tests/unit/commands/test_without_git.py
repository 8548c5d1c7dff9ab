"""git shows what the log holds, and is not needed for it: without it a run runs, and `rebuild` makes up for it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.playing import small
from tests.story import sia

BEHIND = "git is behind the log (git cannot be started: {why}); install git, then run `sia rebuild`"


@pytest.mark.parametrize("why", ["No such file or directory", "Exec format error"])
def test_a_run_without_a_git_that_starts(why: str, tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    if why != "No such file or directory":
        (programs / "git").write_bytes(b"no program")
        (programs / "git").chmod(0o755)

    def call(*arguments: str, path: str = str(programs), status: int = 0) -> str:
        done = subprocess.run(
            sia(tmp_path / "w", *arguments),
            env=os.environ | {"PATH": path},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == status, done
        return done.stdout + done.stderr

    said = call("run", small(tmp_path / "toy"), "--generations", "2", "--probes", "2", "--name", "toy", "--plain")
    assert said.splitlines()[-1] == BEHIND.format(why=why)
    assert "toy finished" in said and "Traceback" not in said
    shown = call("diff", "toy", "1", "2")
    assert f"not checked (git cannot be started: {why})" in call("verify")
    assert BEHIND.format(why=why) in call("rename", "toy", "better", status=1)
    call("rebuild", path=os.environ["PATH"])
    assert call("verify", path=os.environ["PATH"]).endswith("intact.\n")
    assert call("diff", "better", "1", "2", path=os.environ["PATH"]).splitlines()[-1] == shown.splitlines()[-1]
