"""What a lineage reuses: results of candidates, never what a failure of the verifier or the machine made of them."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

from msgspec.structs import replace

from engine.events import types as t
from engine.events.log import RunLog
from engine.events.reader import Reader
from engine.failure import FailureKind
from engine.run.reuse import Reuse
from tests.histories import started

CANDIDATE = t.Candidate("h1")
FAILURES: list[t.Failure | None] = [None, *(t.Failure(kind, "what happened") for kind in get_args(FailureKind))]


class Counting(Reader):
    """A log that counts the rows that are read of it."""

    def __init__(self, log: RunLog) -> None:
        super().__init__(log.db, log.reader.path)
        self.read = 0

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        found = super().rows(sql, parameters)
        self.read += len(found)
        return found


def test_a_look_up_reads_what_it_asks_for_however_much_the_lineage_holds(workspace: Path) -> None:
    with contextlib.closing(RunLog.hold(workspace, "r1")) as log:
        log.append([(0, started())])
        reader = Counting(log)
        reuse, costs = Reuse(reader, "r1", workspace), []
        for repeat in range(30):  # a noisy incumbent is executed in each generation
            log.append([(1, t.InstanceFinished("h1", "val", f"{n}", repeat, 7, "p", 0.5)) for n in range(4)])
            reader.read = 0
            assert (
                len(reuse.results(CANDIDATE, "p", [("val", "1", repeat), ("val", "2", repeat), ("val", "9", 0)])) == 2
            )
            assert reuse.probe("none") is None
            costs.append(reader.read)
        assert set(costs) == {costs[0]}


def test_only_what_the_candidate_did_is_reused(workspace: Path) -> None:
    with contextlib.closing(RunLog.hold(workspace, "r1")) as log:
        log.append([(0, started())])
        for failure in FAILURES:
            kind = failure.kind if failure else "none"
            one = t.InstanceFinished("h1", "val", kind, 0, 7, "p", 0.0, failure=failure)
            probe = t.ProbeFinished(1, 0, 0, "", {}, "f", t.Score(0.0, 0.0, 1), 1, 0.0, 0.0, kind, "", failure)
            log.append([(1, one), (1, probe)])
        # what was measured later is found behind an earlier failure
        log.append([(1, t.InstanceFinished("h1", "val", "verifier", 0, 7, "p", 0.5))])
        log.append([(1, replace(probe, key="verifier", failure=None))])
    with contextlib.closing(Reader.open(workspace / "events.db")) as reader:
        reuse = Reuse(reader, "r1", workspace)
        wanted = [("val", failure.kind if failure else "none", 0) for failure in FAILURES]
        found = {key[1]: one.score for key, one in reuse.results(CANDIDATE, "p", wanted).items()}
        assert found == {kind: 0.0 for kind in ("none", *get_args(FailureKind)) if kind != "infrastructure"} | {
            "verifier": 0.5
        }
        assert reuse.probe("infrastructure") is None
        assert reuse.probe("candidate") is not None
        assert (known := reuse.probe("verifier")) is not None and known.failure is None


def test_a_score_that_was_timed_beside_others_work_is_measured_again(workspace: Path) -> None:
    busy = t.InstanceFinished("h1", "val", "a", 0, 7, "p", 4.59, disturbed="others used 58% of the processors")
    with contextlib.closing(RunLog.hold(workspace, "r1")) as log:
        log.append([(0, started()), (1, busy)])
        reuse = Reuse(log.reader, "r1", workspace)
        assert reuse.results(CANDIDATE, "p", [("val", "a", 0)]) == {}
        log.append([(1, replace(busy, score=3.07, disturbed=""))])
        (found,) = reuse.results(CANDIDATE, "p", [("val", "a", 0)]).values()
        assert found.score == 3.07
