"""Readings of the sealed test: one count for a domain's digest, whatever run or workspace; exports tell of them."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import pytest
from msgspec.structs import replace

from engine import user_state
from engine.errors import SiaError
from engine.events import readings
from engine.events import types as t
from engine.events.archive import MAX_READINGS
from engine.events.log import RunLog
from engine.events.reader import Reader
from engine.events.seal import seal
from engine.events.unseal import open_archive
from engine.run.workspace import Workspace
from engine.transfer.run_import import import_run
from tests.histories import Play, domain, started

DIGEST = domain().digest


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    move_to(monkeypatch, tmp_path / "this machine")


def move_to(monkeypatch: pytest.MonkeyPatch, machine: Path) -> None:
    """Nothing was recorded there yet, whatever was on the real machine where no home could be written."""
    monkeypatch.setattr(user_state, "folders", lambda name: iter([machine / "sia" / name]))


def play(folder: Path, run: str, tests: int = 0, digest: str = DIGEST) -> None:
    """A finished run in the workspace `folder`, whose test split was read `tests` times."""
    folder.mkdir(exist_ok=True)
    first = started()
    first = replace(first, name=run, domain=replace(first.domain, digest=digest))
    with contextlib.closing(RunLog.hold(folder, run)) as log:
        made = Play(log, first)  # type: ignore[arg-type]
        made.to_rest()
        for attempt in range(1, tests + 1):
            made.append(made.state.generation, t.StepStarted("test", attempt))
            made.append(made.state.generation, t.StepAbandoned("test", attempt, "killed", 0))


def count(folder: Path, digest: str = DIGEST) -> int:
    with contextlib.closing(Reader.open(folder / "events.db")) as reader:
        return len(readings.known(reader, digest))


def export(folder: Path, run: str, target: Path) -> None:
    with contextlib.closing(Reader.open(folder / "events.db")) as reader:
        told = readings.known(reader, readings.digest_of(reader, run))
        seal(reader, reader.find(run), target, data=False, made_by="test", readings=told)


def test_all_runs_of_a_domain_count_and_no_others(tmp_path: Path) -> None:
    folder = tmp_path / "w"
    play(folder, "r1", tests=2)
    play(folder, "r2", tests=1)
    play(folder, "r3")
    play(folder, "r4", tests=4, digest="e" * 64)
    assert (count(folder), count(folder, "e" * 64)) == (3, 4)


def test_readings_in_another_workspace_count_once(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    play(one, "r1", tests=2)
    with contextlib.closing(Reader.open(one / "events.db")) as reader:
        for _ in range(2):
            readings.record(DIGEST, readings.known(reader, DIGEST))
    play(other, "r1", tests=1)
    assert (count(one), count(other)) == (2, 3)


def test_an_export_of_an_untested_run_tells_of_the_readings_of_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there, elsewhere = (tmp_path / name for name in ("here", "there", "elsewhere"))
    play(here, "r1", tests=2)
    play(here, "r2")
    export(here, "r2", tmp_path / "r2.sia")
    move_to(monkeypatch, tmp_path / "another machine")
    there.mkdir()
    import_run(Workspace(there), tmp_path / "r2.sia")
    assert count(there) == 2
    play(elsewhere, "r3")
    assert count(elsewhere) == 2  # in any workspace of that machine
    export(there, "r2", tmp_path / "again.sia")
    move_to(monkeypatch, tmp_path / "a third")
    third = tmp_path / "third"
    third.mkdir()
    import_run(Workspace(third), tmp_path / "again.sia")
    assert count(third) == 2


def test_a_file_without_readings_is_of_the_first_format(tmp_path: Path) -> None:
    play(tmp_path / "w", "r1")
    export(tmp_path / "w", "r1", tmp_path / "r1.sia")
    assert (tmp_path / "r1.sia").read_bytes()[60:64] == (1).to_bytes(4, "big")


@pytest.mark.parametrize("names", [["short"], ["0" * 15 + "/"], [f"{n:016x}" for n in range(MAX_READINGS + 1)]])
def test_a_file_with_a_forged_list_of_readings_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, names: list[str]
) -> None:
    play(tmp_path / "w", "r1")
    monkeypatch.setattr("engine.events.archive.MAX_READINGS", 2 * MAX_READINGS)
    with contextlib.closing(Reader.open(tmp_path / "w" / "events.db")) as reader:
        seal(reader, reader.find("r1"), tmp_path / "r1.sia", data=False, made_by="test", readings=names)
    monkeypatch.undo()
    with pytest.raises(SiaError, match="its list of readings is not one"):
        open_archive(tmp_path / "r1.sia")


def test_a_later_test_remembers_those_before_it_in_the_log_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    play(tmp_path / "w", "r1", tests=1)
    with contextlib.closing(RunLog.hold(tmp_path / "w", "r2")) as log:
        score = t.Score(0.5, 0.1, 4)
        made = Play(log, replace(started(), name="r2"))  # type: ignore[arg-type]
        made.to_rest()
        made.append(0, t.StepStarted("test", 1))
        made.append(0, t.TestUnsealed("h", score, None, [], {}, {}, "", readings=["ab" * 8, "not a name"]))
    assert count(tmp_path / "w") == 3


def test_a_reading_that_a_full_disk_cut_short_is_not_taken_for_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = os.write
    monkeypatch.setattr("engine.user_state.folders", lambda name: iter([tmp_path / "state" / name]))
    monkeypatch.setattr("engine.events.readings.os.write", lambda file, lines: whole(file, lines[:9]))
    with pytest.raises(SiaError, match="readings of the sealed test cannot be recorded"):
        readings.record(DIGEST, {"a" * 16})
    monkeypatch.setattr("engine.events.readings.os.write", whole)
    readings.record(DIGEST, {"b" * 16})
    play(tmp_path / "w", "r1")
    assert count(tmp_path / "w") == 1


def test_where_nothing_can_be_recorded_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.user_state.folders", lambda name: iter([tmp_path / "file" / "x" / name]))
    (tmp_path / "file").write_text("")
    with pytest.raises(SiaError, match="readings of the sealed test cannot be recorded"):
        readings.record(DIGEST, {"0" * 16})
