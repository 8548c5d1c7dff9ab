"""The best score of a run, also of a branch or a fork that has accepted no candidate of its own."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

from click.testing import CliRunner
from msgspec.structs import replace

from engine.core.state import fold
from engine.events import types as t
from engine.events.log import RunLog
from engine.events.reader import Reader
from engine.loop.fork import ForkPlan, fork
from engine.run.workspace import Workspace
from sia_tui.app.model.best_score import BestScores
from sia_tui.app.model.lineage_graph import PrivateChecks, read_lineage
from sia_tui.app.rows.lineage_graph import graph_rows
from sia_tui.app.widgets.status_line import state_parts
from sia_tui.main import cli
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


def test_the_honest_score_stands_beside_the_best_one_also_where_a_fork_began_with_it(workspace: Path) -> None:
    with contextlib.closing(RunLog.hold(workspace, "r1")) as log:
        play = Play(log)  # type: ignore[arg-type]
        best = play.to_rest().incumbent or 0
        done = play.state.of(best).execution
        assert done is not None
        log.append([(best, replace(done, private=t.PrivateCheck(True, t.Score(0.125, 0.01, 12))))])
    place = Workspace(workspace)
    with contextlib.closing(Reader.open(place.log)) as reader:
        (*_, last) = reader.history("r1")
    fork(place, ForkPlan("r1", last.n, name="child"))
    listed = CliRunner().invoke(cli, ["ls", "--json", "--workspace", str(workspace)])
    assert [one["honest"] for one in json.loads(listed.output)] == [0.125, 0.125]
    lines = CliRunner().invoke(cli, ["ls", "--workspace", str(workspace)]).output.splitlines()
    assert lines[0].split()[-2:] == ["honest", "events"] and all("0.1250" in line for line in lines[1:])
    with contextlib.closing(Reader.open(place.log)) as reader:
        nodes = read_lineage(reader, {}, PrivateChecks(), BestScores())
        assert all("(honest 0.1250)" in one.text for one in graph_rows(nodes, "") if "●" in one.text)
        state = fold(reader.history("r1"))
    assert any("honest 0.1250, gap" in text for text, _ in state_parts(state))
