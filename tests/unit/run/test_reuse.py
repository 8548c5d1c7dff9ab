"""What a lineage reuses: results of candidates, never what a failure of the verifier or the machine made of them."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import get_args

from msgspec.structs import replace

from engine.events import types as t
from engine.events.log import RunLog
from engine.events.reader import Reader
from engine.failure import FailureKind
from engine.run.reuse import Reuse
from tests.histories import started

CANDIDATE = t.Candidate("h1")
FAILURES: list[t.Failure | None] = [None, *(t.Failure(kind, "what happened") for kind in get_args(FailureKind))]


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
        found = {key[1]: one.score for key, one in reuse.results(CANDIDATE, "p").items()}
        assert found == {kind: 0.0 for kind in ("none", *get_args(FailureKind)) if kind != "infrastructure"} | {
            "verifier": 0.5
        }
        assert reuse.probe("infrastructure") is None
        assert reuse.probe("candidate") is not None
        assert (known := reuse.probe("verifier")) is not None and known.failure is None
