"""The recorded run is called `recorded`, is found where there is no workspace, and never stands before one's own."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from engine.events.log import RunLog
from engine.events.reader import Reader
from engine.run.workspace import Workspace
from sia_tui.cli import recording
from tests.histories import Play, started
from tests.story import sia


def told(workspace: Path, *arguments: str) -> Any:
    done = subprocess.run(sia(workspace, *arguments, "--json"), capture_output=True, text=True, timeout=200, check=True)
    return json.loads(done.stdout)


def test_it_is_replayed_and_looked_at_without_a_workspace(tmp_path: Path) -> None:
    workspace = tmp_path / "w"
    assert told(workspace, "replay", "recorded", "--verify")["identical"]
    shown = told(workspace, "show", "recorded")
    assert (shown["name"], shown["domain"], shown["status"]) == ("recorded", "lawbench", "finished")
    assert not workspace.exists()


@pytest.mark.slow
def test_it_is_branched_from_without_naming_its_file(tmp_path: Path) -> None:
    made = told(tmp_path, "branch", "recorded", "--generation", "3", "--no-start")
    assert [run["name"] for run in told(tmp_path, "ls")] == ["recorded", "recorded.1"]
    assert told(tmp_path, "show", made["run"])["parent"] == made["parent"]


@pytest.mark.slow
def test_it_is_forked_and_exported_without_naming_its_file(tmp_path: Path) -> None:
    told(tmp_path, "fork", "recorded", "--at", "1200", "--no-start")
    file = tmp_path / "again.sia"
    assert told(tmp_path / "nowhere", "export", "recorded", "-o", str(file))["events"] == 10264


def test_a_run_of_ones_own_with_that_name_comes_first(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    assert recording.recording_of(workspace, "recorded") == recording.recording()
    with contextlib.closing(RunLog.hold(tmp_path, "r1")) as log:
        Play(log, replace(started(), name="recorded")).to_rest()  # type: ignore[arg-type]
    assert recording.recording_of(workspace, "recorded") is None
    with contextlib.closing(recording.reader_of(workspace, "recorded")) as reader:
        assert reader.find("recorded").run == "r1"


@pytest.mark.slow
def test_it_can_be_recorded_again(tmp_path: Path) -> None:
    script, target = Path(__file__).parents[3] / "scripts" / "record.py", tmp_path / "made.sia"
    words = [sys.executable, str(script), "--domain", "toy", "--generations", "1", "-o", str(target)]
    subprocess.run(words, check=True, timeout=300)
    with contextlib.closing(Reader.open(target)) as reader:
        assert [run.name for run in reader.runs()] == ["recorded"]


@pytest.mark.parametrize("reference", ["last", "record", "r1"])
def test_no_other_word_means_it(tmp_path: Path, reference: str) -> None:
    assert recording.recording_of(Workspace(tmp_path), reference) is None
