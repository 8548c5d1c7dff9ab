"""Notes that grow with the log are those that are made from all of it, whatever happened to the runs meanwhile."""

from __future__ import annotations

import contextlib
from pathlib import Path

from msgspec.structs import replace

from engine.events.log import RunLog
from engine.events.reader import Reader
from engine.run.score_notes import ScoreNotes
from engine.run.workspace import Workspace
from engine.transfer.annotations import rename
from engine.transfer.removal import remove
from engine.transfer.run_import import import_run
from tests.histories import Play, settings, started
from tests.unit.transfer.carried import seal_to


def play(place: Workspace, run: str, name: str, generations: int) -> None:
    with contextlib.closing(RunLog.hold(place.path, run)) as log:
        first = replace(started(settings(generations=generations)), name=name)
        Play(log, first).to_rest()  # type: ignore[arg-type]


def test_notes_follow_runs_that_begin_are_renamed_removed_and_come_back(tmp_path: Path) -> None:
    place = Workspace(tmp_path / "w")
    place.create()
    play(place, "r1", "toy-1", 2)
    with contextlib.closing(Reader.open(place.log)) as reader:
        grown = ScoreNotes(reader)

        def check() -> str:
            written, anew = grown.catch_up(), ScoreNotes(reader).catch_up()
            assert written and anew
            assert written.commit == anew.commit
            return written.commit

        one = check()
        play(place, "r2", "toy-2", 3)
        two = check()
        assert check() == two != one
        rename(place, "toy-1", "better")
        assert check() not in (one, two)
        sealed = seal_to(place, tmp_path / "r2.sia", "r2")
        remove(place, "toy-2")
        check()
        import_run(place, sealed)
        check()
        remove(place, "toy-2")
        play(place, "r2", "toy-2", 2)  # numbers of storage are given again: nothing may be told of the first r2
        check()


def test_an_unchanged_log_costs_one_row_a_run(tmp_path: Path) -> None:
    place = Workspace(tmp_path / "w")
    place.create()
    play(place, "r1", "toy-1", 3)
    with contextlib.closing(Reader.open(place.log)) as reader:
        notes, read = ScoreNotes(reader), []
        assert notes.catch_up()
        rows = reader.rows
        reader.rows = lambda *given: read.append(rows(*given)) or read[-1]  # type: ignore[method-assign, func-returns-value]
        again = notes.catch_up()
        assert again and [len(item) for item in read] == [1]
