"""From the wheel alone, in an empty folder: what a newcomer is told, the recorded run, the toy, a task of one's own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from sia_tui.cli import welcome
from tests.wheel.conftest import ROOT


@pytest.fixture(scope="module")
def unpacked(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel as pip lays it out."""
    place = tmp_path_factory.mktemp("unpacked")
    options = ["--quiet", "--no-deps", "--no-index", "--target", str(place)]
    subprocess.run([sys.executable, "-m", "pip", "install", *options, str(wheel)], check=True, timeout=100)
    return place


def sia(unpacked: Path, folder: Path, *arguments: str) -> str:
    """What `sia` of the wheel prints in `folder`, with that folder as its home."""
    kept = {name: os.environ[name] for name in ("PATH", "OPENBLAS_CORETYPE") if name in os.environ}
    done = subprocess.run(
        [sys.executable, "-P", "-m", "sia_tui", *arguments],
        cwd=folder,
        env={**kept, "HOME": str(folder), "PYTHONPATH": str(unpacked)},
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    assert done.returncode == 0, done
    return done.stdout


def test_the_recorded_run_is_in_it_once(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        assert [name for name in names if name.endswith((".db", ".sia"))] == ["sia_tui/recorded.sia"]
        assert archive.read("sia_tui/recorded.sia") == (ROOT / "events.db").read_bytes()
    assert {name.partition("/")[0] for name in names if ".dist-info" not in name} == {
        "sia_tui", "engine", "harness_repo", "domains",
    }  # fmt: skip


def test_a_newcomer_is_told_what_this_is_and_nothing_is_written(unpacked: Path, tmp_path: Path) -> None:
    told = sia(unpacked, tmp_path)
    assert welcome.lines() in told
    assert list(tmp_path.iterdir()) == []


def test_the_recorded_run_replays_identically(unpacked: Path, tmp_path: Path) -> None:
    assert json.loads(sia(unpacked, tmp_path, "replay", "recorded", "--verify", "--json"))["identical"]
    assert list(tmp_path.iterdir()) == []


def test_the_toy_is_among_the_domains(unpacked: Path, tmp_path: Path) -> None:
    assert "toy" in [one["name"] for one in json.loads(sia(unpacked, tmp_path, "domains", "--json"))]


def test_a_task_of_ones_own_begins(unpacked: Path, tmp_path: Path) -> None:
    sia(unpacked, tmp_path, "new", "my-task", "--template", "classify")
    assert (tmp_path / "my-task" / "data" / "train.jsonl").is_file()
