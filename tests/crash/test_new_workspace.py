"""kill -9 at each system call that writes while a log is created: the workspace opens, whatever comes first."""

from __future__ import annotations

import contextlib
import itertools
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from engine.events.log import RunLog
from engine.events.reader import Reader

CREATE = """
import pathlib, sys
from engine.events.storage.connection import open_writer
open_writer(pathlib.Path(sys.argv[1])).close()
"""
CALLS = ("pwrite64", "fsync", "fdatasync", "unlink", "link", "linkat", "rename", "ftruncate")


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
@pytest.mark.parametrize("call", CALLS)
def test_no_kill_while_a_log_is_made_leaves_one_that_does_not_open(tmp_path: Path, call: str) -> None:
    killed = 0
    for nth in itertools.count(1):
        place = tmp_path / str(nth)
        place.mkdir()
        tracing = ["strace", "-f", "-o", "/dev/null", "-e", f"trace={call}"]
        inject = ["-e", f"inject={call}:signal=KILL:when={nth}"]
        command = [*tracing, *inject, sys.executable, "-c", CREATE, str(place / "events.db")]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            break
        assert done.returncode == -signal.SIGKILL, done.stderr  # and not a call or a machine that strace cannot trace
        killed += 1
        if (place / "events.db").exists():
            with contextlib.closing(Reader.open(place / "events.db")) as reader:  # what comes first only reads
                assert reader.runs() == []
        RunLog.hold(place, "r1").close()
    assert killed or call not in ("pwrite64", "fsync"), "a new log is written and synced"
