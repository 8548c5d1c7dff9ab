"""The results of an Execution are one row, which opens."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from engine.events.log import RunLog
from engine.events.reader import Reader
from engine.queries.snapshot import Outline
from sia_tui.app.model.event_cache import EventCache
from sia_tui.app.model.snapshot import RunSnapshot
from sia_tui.app.model.stretches import StretchSums
from sia_tui.app.rows.row import Row
from sia_tui.app.rows.timeline_rows import TimelineRows
from tests.histories import Play, settings, started

GOLDEN = sorted((Path(__file__).parents[2] / "golden").glob("*.db"))


def timeline(reader: Reader, n: int | None = None, opened: set[int] | None = None) -> TimelineRows:
    """The timeline of a log's newest run at event `n`."""
    run = reader.runs()[-1].run
    outline = Outline(reader, run)
    snapshot = RunSnapshot(reader, outline, outline.head if n is None else n)
    return TimelineRows(snapshot, EventCache(), snapshot.phases(), (), opened or (), StretchSums())


def results(rows: TimelineRows) -> list[Row]:
    return [one for one in rows if one.target and one.target.kind == "results"]


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_each_event_has_a_row_or_is_among_the_results_of_one(path: Path) -> None:
    with contextlib.closing(Reader.open(path)) as reader:
        closed = timeline(reader)
        stretches = {int(one.target.first) for one in results(closed) if one.target}
        assert stretches
        opened = timeline(reader, opened=stretches)
        head = opened._snapshot.n
        assert len(opened) > head
        for n in range(1, head + 1):
            row = opened[opened.index_of(n)]
            assert row.target is not None
            assert (row.target.kind, row.target.first) == ("event", n)
            hidden = closed[closed.index_of(n)].target
            assert hidden is not None
            assert hidden.first <= n <= (hidden.second or hidden.first)
            assert (hidden.kind == "results") == (closed.hidden_in(n) is not None)


def test_the_row_says_how_many_there_are_of_all_with_score_and_failures(workspace: Path) -> None:
    with contextlib.closing(RunLog.hold(workspace, "r1")) as log:
        Play(log, started(settings(generations=2)), skill=lambda n, instance: 0.25 * n).to_rest()  # type: ignore[arg-type]
    with contextlib.closing(Reader.open(workspace / "events.db")) as reader:
        first, second = results(timeline(reader))
        assert first.text == "> val 12/12  0.2500  train 2/2  0.2500  "
        assert second.text == "> val 12/12  0.5000  train 2/2  0.5000  "
        assert first.target is not None
        early = results(timeline(reader, int(first.target.first) + 5))
        assert early[0].text.startswith("> val 6/12  0.2500")
