"""What a list of runs says of a run's evaluations is what the run itself has executed."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pytest

from engine.events import types as t
from engine.events.log import RunLog
from engine.events.storage.spending import spent_by_run
from tests.histories import Play, settings, started


@pytest.mark.parametrize("chosen", [{"probes": 3}, {"lever": "best-of-n"}])
def test_the_evaluations_of_a_run_are_those_of_its_state(workspace: Path, chosen: dict[str, Any]) -> None:
    with contextlib.closing(RunLog.hold(workspace, "r1")) as log:
        play = Play(log, started(settings(generations=2, agent="search", **chosen)))  # type: ignore[arg-type]
        state = play.to_rest()
        (spent,) = spent_by_run(log.reader.rows).values()
        assert spent.evaluations == state.spent.evaluations > 0


def test_what_was_reused_is_not_counted(workspace: Path) -> None:
    with contextlib.closing(RunLog.hold(workspace, "r1")) as log:
        log.append([(0, started())])
        for instance, reused in (("a", False), ("b", True)):
            log.append([(1, t.InstanceFinished("h", "val", instance, 0, 1, "p", 1.0, reused=reused))])
        for ordinal, reused in enumerate((False, True)):
            score = t.Score(1.0, 0.0, 5)
            log.append([(1, t.ProbeFinished(1, 1, ordinal, "", {}, "f", score, 5, 0.1, 0.1, "k", reused=reused))])
        assert spent_by_run(log.reader.rows)["r1"].evaluations == 6
