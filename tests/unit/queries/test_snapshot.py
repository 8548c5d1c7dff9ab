"""An outline says of any event what folding the whole history says."""

from __future__ import annotations

import contextlib
import gc
from pathlib import Path

import pytest
from msgspec.structs import replace

from engine.core.state import State, evolve
from engine.events.log import RunLog
from engine.events.reader import Reader
from engine.events.storage.schema import MILESTONE, REUSED
from engine.loop.fork import ForkPlan, fork
from engine.queries.snapshot import Outline
from engine.run.workspace import Workspace
from tests.histories import Play, settings, started

HERE = Path(__file__).parents[3]
RECORDED = [HERE / "events.db", *sorted((HERE / "tests/golden").glob("*.db"))]


def assert_same(found: State, folded: State) -> None:
    """Seconds are summed up in another order; a microsecond is enough."""
    assert found.spent.seconds == pytest.approx(folded.spent.seconds, abs=1e-6)
    assert replace(found, spent=replace(found.spent, seconds=folded.spent.seconds)) == folded


def check_every_event(reader: Reader, run: str) -> int:
    """Backwards, so that nothing helps that was folded a moment ago; returns how many there were."""
    folded = [State()]
    for event in reader.history(run):
        folded.append(evolve(folded[-1], event))
    outline = Outline(reader, run)
    for n in range(len(folded) - 1, -1, -1):
        assert_same(outline.at(n), folded[n])
    return len(folded) - 1


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
def test_an_outline_is_the_fold_at_every_event_of_a_recorded_run(path: Path) -> None:
    with contextlib.closing(Reader.open(path)) as reader:
        for run in reader.runs():
            assert check_every_event(reader, run.run) > 100


def test_an_outline_is_the_fold_of_a_run_that_crashed_and_was_forked(workspace: Path) -> None:
    with contextlib.closing(RunLog.hold(workspace, "r1")) as log:
        play = Play(log, started(settings(noisy=True)), crashes=[("execute", 2, 1)])  # type: ignore[arg-type]
        play.to_rest()
        events = list(log.reader.history("r1"))
    middle = next(event.n for event in events if event.type == "step.abandoned") - 2
    assert events[middle - 1].type == "instance.finished"
    child = fork(Workspace(workspace), ForkPlan("r1", middle))
    with contextlib.closing(RunLog.hold(workspace, child)) as log:
        Play(log, history=list(log.reader.history(child))).to_rest()  # type: ignore[arg-type]
    with contextlib.closing(Reader.open(workspace / "events.db")) as reader:
        assert check_every_event(reader, "r1") == len(events)
        assert check_every_event(reader, child) > middle


def test_an_outline_grows_with_its_run(workspace: Path) -> None:
    with contextlib.closing(RunLog.hold(workspace, "r1")) as log:
        play = Play(log)  # type: ignore[arg-type]
        with contextlib.closing(Reader.open(workspace / "events.db")) as reader:
            outline = Outline(reader, "r1")
            assert (outline.head, outline.catch_up()) == (1, False)
            play.to_rest()
            assert outline.catch_up()
            assert_same(outline.at(outline.head), play.state)


@pytest.mark.parametrize(("condition", "index"), [(MILESTONE, "milestones"), (REUSED, "reused_results")])
def test_what_an_outline_asks_for_is_found_by_an_index(
    finished: str, reader: Reader, condition: str, index: str
) -> None:
    query = f"EXPLAIN QUERY PLAN SELECT n FROM events WHERE run = ? AND n > 5 AND n <= 9 AND {condition} ORDER BY n"  # noqa: S608
    assert index in reader.db.conn.execute(query, (finished,)).fetchall()[0][3]


def test_an_outline_keeps_few_states_of_a_long_run(workspace: Path) -> None:
    with contextlib.closing(RunLog.hold(workspace, "r1")) as log:
        first = started(settings(generations=60, probes=0), {"train": 1, "val": 2, "test": 1})
        Play(log, first).to_rest()  # type: ignore[arg-type]
        outline = Outline(log.reader, "r1")
        before = sum(type(one) is State for one in gc.get_objects())
        assert outline.at(outline.head).status == "finished"
        kept = sum(type(one) is State for one in gc.get_objects()) - before
        assert kept < 100 < len(outline.milestones) / 4
