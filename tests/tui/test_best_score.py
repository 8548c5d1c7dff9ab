"""The best score of a run, also of a branch or a fork that has accepted no candidate of its own."""

from __future__ import annotations

import contextlib
from pathlib import Path

from engine.core.state import fold
from engine.events import types as t
from engine.events.log import RunLog
from engine.events.reader import Reader
from engine.loop.fork import ForkPlan, fork
from engine.run.workspace import Workspace
from sia_tui.app.model.best_score import BestScores
from tests.histories import Play


def test_what_a_fork_began_with_is_its_best_until_it_accepts_another(workspace: Path) -> None:
    with contextlib.closing(RunLog.hold(workspace, "r1")) as log:
        Play(log).to_rest()  # type: ignore[arg-type]
    place = Workspace(workspace)
    with contextlib.closing(Reader.open(place.log)) as reader:
        events = list(reader.history("r1"))
    at = [1, *(event.n for event in events if isinstance(event.payload, t.GateDecided))]
    children = {fork(place, ForkPlan("r1", n)): n for n in at}
    grandchild = fork(place, ForkPlan(list(children)[-1], at[-1] + 1))
    with contextlib.closing(Reader.open(place.log)) as reader:
        found = {run.run: run.best for run in BestScores().runs(reader)}
        for run, best in found.items():
            state = fold(reader.history(run))
            execution = state.of(state.incumbent).execution if state.incumbent else None
            assert best == (execution.scores["val"].score if execution else None), run
    assert found[grandchild] is not None and len({found[child] for child in children}) > 2
