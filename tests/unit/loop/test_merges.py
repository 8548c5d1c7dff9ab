"""Two candidates that the gate rejected, each for lack of power, are merged once the agent proposes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.events import types as t
from engine.sandbox import probe
from tests.fakes import halving_client
from tests.playing import payloads, small
from tests.unit.loop.test_coding_agents import call, texts

pytestmark = pytest.mark.slow


def test_what_each_half_could_not_show_their_merge_does(tmp_path: Path) -> None:
    if probe().level == "none":
        pytest.skip("no sandbox can be built here")
    workspace, agent = tmp_path / "w", f"command:python3 {halving_client.__file__}"
    task = small(tmp_path / "times7", train=8, val=12)
    done = call(workspace, "run", task, "--agent", agent, "--generations", "6", "--budget-evaluations", "150")
    assert done.returncode == 0, done
    assert [one.accepted for one in payloads(workspace, t.GateDecided)][:4] == [True, False, False, True]
    merge = payloads(workspace, t.HarnessWritten)[3]
    assert (merge.number, merge.changed, merge.alternative) == (4, "candidates 2 and 3 merged", True)
    assert merge.reason.startswith("What candidates 2 and 3 each changed in candidate 1, merged without a conflict.")
    assert payloads(workspace, t.ExecutionFinished)[3].scores["val"].score == 1.0
    (used, *_) = [one for one in payloads(workspace, t.ToolCalled) if one.name == "merge"]
    assert (used.place, used.failed) == ("feedback/3/0/1", False)
    assert any("merged/g2-g3/harness/agent.py" in told for told in texts(workspace, t.ClientFinished, "transcript"))
    shown = call(workspace, "show", "last", "--map")
    assert "best: the generations" in " ".join(shown.stdout.split())
