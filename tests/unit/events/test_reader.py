"""Reading: runs by what a person calls them, and histories through their forks."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from engine.core.state import fold
from engine.errors import SiaError
from engine.events import types as t
from engine.events.log import RunLog
from engine.events.reader import Reader
from engine.events.storage.connection import transaction
from tests.histories import started


def begin(workspace: Path, run: str, name: str) -> None:
    with contextlib.closing(RunLog.hold(workspace, run)) as log:
        log.append(
            [(0, replace(started(), name=name)), (0, t.RunPaused("a")), (0, t.RunResumed()), (0, t.RunStopped("b"))]
        )


def fork(workspace: Path, run: str, parent: str, at: int) -> None:
    with contextlib.closing(RunLog.hold(workspace, run)) as log:
        log.fork_from(log.reader.event(parent, at))
        log.append([(0, t.RunForked(f"fork-{run}", parent, at)), (0, t.RunPaused(run))])


@pytest.fixture
def three(workspace: Path) -> Iterator[Reader]:
    for run, name in (("aa11", "law-1"), ("aa22", "law-2"), ("bb33", "law-20")):
        begin(workspace, run, name)
    with contextlib.closing(Reader.open(workspace / "events.db")) as reader:
        yield reader


@pytest.mark.parametrize(
    ("reference", "run"),
    [
        ("aa11", "aa11"),
        ("law-1", "aa11"),
        ("law-2", "aa22"),
        ("law-20", "bb33"),
        ("b", "bb33"),
        ("aa2", "aa22"),
        ("last", "bb33"),
    ],
)
def test_a_run_is_found_by_id_name_prefix_or_last(three: Reader, reference: str, run: str) -> None:
    assert three.find(reference).run == run


@pytest.mark.parametrize(
    ("reference", "says"),
    [("law", "matches 3 runs; choose one of law-1, law-2"), ("zz", "no run 'zz'"), ("", "no run ''")],
)
def test_what_does_not_name_one_run_is_refused(three: Reader, reference: str, says: str) -> None:
    with pytest.raises(SiaError, match=says):
        three.find(reference)


def test_an_empty_workspace_says_so(workspace: Path) -> None:
    RunLog.hold(workspace, "r1").close()
    with (
        contextlib.closing(Reader.open(workspace / "events.db")) as reader,
        pytest.raises(SiaError, match="has no runs"),
    ):
        reader.find("last")


def test_a_fork_keeps_what_was_and_goes_on_by_itself(workspace: Path) -> None:
    begin(workspace, "p", "p")
    fork(workspace, "c", "p", 2)
    fork(workspace, "g", "c", 4)
    fork(workspace, "h", "c", 1)  # from what the child itself inherited
    with contextlib.closing(Reader.open(workspace / "events.db")) as reader:
        paths = {run: [(event.run, event.n) for event in reader.history(run)] for run in "pcgh"}
        assert paths["c"] == [("p", 1), ("p", 2), ("c", 3), ("c", 4)]
        assert paths["g"] == [*paths["c"], ("g", 5), ("g", 6)]
        assert paths["h"] == [("p", 1), ("h", 2), ("h", 3)]
        events = list(reader.history("g"))
        assert all(b.prev_hash == a.hash for a, b in itertools.pairwise(events))
        assert [(event.run, event.n) for event in reader.history("g", after=1, until=3)] == [("p", 2), ("c", 3)]
        assert [reader.find(run).root for run in "pcgh"] == ["p"] * 4
        assert reader.event("g", 2).run == "p"
        assert [event.type for event in reader.history("p")][-1] == "run.stopped"


def test_an_outline_leaves_out_results_and_gives_the_same_settings_domain_and_status(
    workspace: Path, finished: str
) -> None:
    with contextlib.closing(RunLog.hold(workspace, "r2")) as log:
        log.fork_from(log.reader.event(finished, 30))
        log.append([(1, t.RunForked("fork", finished, 30, replace(started().settings, seed=8)))])
        reader = log.reader
        for run in (finished, "r2"):
            whole, outline = list(reader.history(run)), list(reader.outline(run))
            assert outline == [event for event in whole if event.type != t.InstanceFinished.type] != whole
            one, other = fold(whole), fold(outline)
            assert (one.settings, one.domain, one.status, one.name) == (
                *(other.settings, other.domain, other.status, other.name),
            )


def test_an_event_beyond_the_end_is_refused(three: Reader) -> None:
    with pytest.raises(SiaError, match="no event 5"):
        three.event("aa11", 5)


def test_a_circle_of_parents_in_a_hostile_file_ends(workspace: Path) -> None:
    with contextlib.closing(RunLog.hold(workspace, "r1")) as log:
        log.append([(0, started())])
        with transaction(log.db, durable=False) as connection:
            connection.execute("UPDATE runs SET parent = run, parent_n = 1")
        with pytest.raises(SiaError, match="is circular"):
            list(log.reader.history("r1"))


def test_a_reader_notices_another_writer(workspace: Path) -> None:
    with (
        contextlib.closing(RunLog.hold(workspace, "r1")) as log,
        contextlib.closing(Reader.open(workspace / "events.db")) as reader,
    ):
        before = reader.data_version()
        assert reader.data_version() == before
        log.append([(0, started())])
        assert reader.data_version() != before
