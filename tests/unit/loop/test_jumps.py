"""A program that forges the score of its adopted evaluator: the run holds it until a person answers."""

from __future__ import annotations

import asyncio
import contextlib
import json
from pathlib import Path

import pytest

from engine.core.replay import verify
from engine.core.state import State
from engine.errors import SiaError
from engine.events import types as t
from engine.grading.loader import find
from engine.importers.adopted import record_noise
from engine.loop import launch
from engine.loop.approval import give
from engine.loop.control_socket import Approval, Control
from engine.loop.driver import drive
from engine.run.workspace import Workspace
from tests.docs.commandline import sia

EVALUATOR = '''"""Imports the program by its name, so the two share a process."""
import argparse, json, sys
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("--program_path")
parser.add_argument("--results_dir")
given = parser.parse_args()
sys.path.insert(0, str(Path(given.program_path).parent))
import initial
Path(given.results_dir, "metrics.json").write_text(json.dumps({"combined_score": initial.VALUE}))
Path(given.results_dir, "correct.json").write_text(json.dumps({"correct": True}))
'''
FORGERY = (
    "import json\ndumps = json.dumps\njson.dumps = lambda value: dumps({**value, 'combined_score': 1000004.9999} "
    + ("if 'combined_score' in value else value)\nVALUE = 5\n")
)
HELD = "a gain of +999999.9999 over generation 1 is beyond 50, the most that is accepted without a person"


@pytest.fixture
def waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a run that waits, `forged`; its first program scores 5, and the second forges its score."""
    monkeypatch.setenv("SIA_CACHE", str(tmp_path / "cache"))
    task = tmp_path / "task"
    task.mkdir()
    (task / "evaluate.py").write_text(EVALUATOR)
    (task / "initial.py").write_text("VALUE = 5\n")
    adopted = find(str(task)).adopted
    assert adopted and adopted.caution
    record_noise(adopted, [5.0] * 5)  # as measured; which takes five evaluations
    script = tmp_path / "script.toml"
    decisions = [
        f"[[decision]]\nfiles = {{ 'initial.py' = {json.dumps(text)} }}\n" for text in (FORGERY, "VALUE = 6\n")
    ]
    script.write_text("".join(decisions))

    async def go() -> State:
        options = launch.Options(domain=str(task), generations=3, agent=f"script:{script}", name="forged")
        control = Control()

        def look(event: object, state: State) -> None:
            if state.awaiting:
                control.ask("pause", "the test")

        async with launch.start(workspace, await launch.plan(options, lambda _: None), [look]) as run:
            await drive(run, control)
            return run.state

    workspace = Workspace(tmp_path / ".sia")
    state = asyncio.run(go())
    assert state.held == HELD and state.awaiting == 2 and state.incumbent == 1 and state.of(2).verdict is None
    return tmp_path


@pytest.mark.slow
def test_a_forged_score_is_held_shown_and_declined(waiting: Path) -> None:
    shown = sia(waiting, "show", "forged").output
    assert f"held: {HELD}" in shown and f"candidate 2 needs a person's approval: {HELD}." in shown
    assert f"candidate 2 needs your approval, since {HELD}: sia approve" in sia(waiting, "log", "forged").output
    assert HELD in sia(waiting, "approve", "forged", "--headless").output
    with pytest.raises(SiaError, match="was executed already"):
        give(Workspace(waiting / ".sia"), "forged", Approval("edit", "the test", folder=str(waiting)))
    declined = sia(waiting, "approve", "forged", "--no", "--reason", "it patches json")
    assert declined.status == 0, declined.errors
    resumed = sia(waiting, "resume", "forged", "--headless")
    assert resumed.status == 0, resumed.errors
    facts = json.loads(sia(waiting, "show", "forged", "--json").output)
    assert [one["accepted"] for one in facts["generations"]] == [True, False, True]
    assert facts["generations"][1]["reason"] == f"rejected: {HELD}, and a person declined it: it patches json"
    assert facts["best"]["generation"] == 3 and facts["best"]["val"]["score"] == 6
    with contextlib.closing(Workspace(waiting / ".sia").reader()) as reader:
        run = reader.find("forged").run
        assert verify(reader, run).identical
        assert [event.generation for event in reader.history(run) if event.type == t.ApprovalGiven.type] == [2]
