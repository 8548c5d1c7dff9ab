"""Folders that a program may read, and a writable /tmp for programs that need one."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.sandbox import Isolation
from engine.sandbox.confinement import profile
from engine.sandbox.confinement.view import View
from tests.unit.sandbox.running import run

READS = """
import os
from pathlib import Path

def solve(instance, ctx):
    given = Path(ctx.folders["given"])
    try:
        (given / "new").write_text("x")
    except OSError:
        return given.joinpath("deep/file.txt").read_text(), os.listdir(given)
"""
WRITES = """
from pathlib import Path

def solve(instance, ctx):
    written = []
    for place in ("/tmp/x", "/dev/shm/x", "/x", "/etc/x"):
        try:
            Path(place).write_text("x")
            written.append(place)
        except OSError:
            pass
    return written
"""


def test_a_folder_is_seen_and_cannot_be_written_to(tmp_path: Path, best: Isolation) -> None:
    (tmp_path / "deep").mkdir(parents=True)
    (tmp_path / "deep" / "file.txt").write_text("content")
    for path in (tmp_path, tmp_path / "deep"):
        path.chmod(0o755)
    (outcome,) = run(READS, [1], best, folders={"given": str(tmp_path)})
    assert outcome.failure is None
    assert outcome.answer == ["content", ["deep"]]


@pytest.mark.parametrize(("writable_tmp", "written"), [(False, []), (True, ["/tmp/x", "/dev/shm/x"])])  # noqa: S108
def test_tmp_is_writable_only_where_that_was_asked_for(best: Isolation, writable_tmp: bool, written: list[str]) -> None:
    (outcome,) = run(WRITES, [1], best, writable_tmp=writable_tmp)
    assert outcome.failure is None
    assert outcome.answer == written


def test_a_python_below_tmp_is_not_hidden_by_a_tmp_that_can_be_written() -> None:
    python = Path("/tmp/python")  # noqa: S108
    words = profile.command(
        "bwrap",
        "real",
        View((python,), (), {}),
        control=3,
        seccomp=None,
        files={},
        scratch=[],
        disk_bytes=1 << 20,
        python=["x"],
        writable_tmp=True,
    )
    tmp = next(i for i, word in enumerate(words) if word == "--tmpfs" and words[i + 1] == "/tmp")  # noqa: S108
    assert tmp < words.index(str(python))
