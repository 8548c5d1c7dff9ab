"""What a reader of one Execution has to open.

The step itself calls eight modules, each from one or two places, and no other. What those call in turn, in the packages
that know runs and harnesses, are eight more. Not counted are the sandbox, grading, models and the log below them, and
`evaluation.interleave` and `core.determinism`, which only a noisy verifier and a `val` of one instance need.
"""

from __future__ import annotations

import asyncio
import sys
from collections import defaultdict
from types import FrameType
from typing import Any

import pytest

from engine.core.state import State
from engine.events import types as t
from engine.events.event import Event
from engine.loop import launch
from engine.loop.control_socket import Control
from engine.loop.driver import drive
from engine.run.workspace import Workspace
from engine.steps import execution
from tests.story import TOY

LOG = "engine.run.live_run"
"""The run itself: a step appends to it wherever it has something to record."""
ENTERED = {
    "engine.core.state",
    "engine.core.results",
    "engine.run.domain_session",
    "engine.run.reuse",
    "engine.evaluation.evaluate",
    "engine.evaluation.answer_codec",
    "engine.steps.evaluations",
    LOG,
}
BELOW = {
    "engine.core.effects",
    "engine.core.rotation",
    "engine.core.units",
    "engine.evaluation.harness_packages",
    "engine.evaluation.judge",
    "engine.evaluation.majority_vote",
    "engine.evaluation.trial",
    "engine.run.group_commit",
    "engine.run.versions",
}
"""What is called from a module of `ENTERED`, not from the step."""
PACKAGES = ("engine.core.", "engine.evaluation.", "engine.run.", "engine.steps.")


class Walk:
    """While an Execution is open: by module, the lines of the step that call it; and all modules of `PACKAGES`."""

    def __init__(self) -> None:
        self.places: dict[str, set[int]] = defaultdict(set)
        self.modules: set[str] = set()

    def observe(self, event: Event, state: State) -> None:
        if event.type == t.StepStarted.type and state.open_step and state.open_step.kind == "execute":
            sys.setprofile(self._note)
        elif event.type == t.ExecutionFinished.type:
            sys.setprofile(None)

    def _note(self, frame: FrameType, what: str, _: Any) -> None:
        module, caller = frame.f_globals.get("__name__", ""), frame.f_back
        by_step = caller is not None and caller.f_globals.get("__name__") == execution.__name__
        if what == "call" and caller and by_step and module.startswith("engine.") and module != execution.__name__:
            self.places[module].add(caller.f_lineno)
        if what == "call" and module.startswith(PACKAGES):
            self.modules.add(module)


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Walk:
    made, folder = Walk(), tmp_path_factory.mktemp("walk")

    async def go() -> None:
        planned = await launch.plan(launch.Options(domain=str(TOY), generations=1), lambda _: None)
        async with launch.start(Workspace(folder), planned, [made.observe]) as run:
            await drive(run, Control())

    try:
        asyncio.run(go())
    finally:
        sys.setprofile(None)
    return made


def test_the_step_calls_eight_modules_each_from_one_or_two_places(walk: Walk) -> None:
    assert set(walk.places) == ENTERED
    assert len(ENTERED) == 8
    assert {module: len(lines) for module, lines in walk.places.items() if len(lines) > 2 and module != LOG} == {}
    assert len(walk.places[LOG]) <= 5


def test_the_modules_behind_these_are_few_and_known(walk: Walk) -> None:
    assert walk.modules - {execution.__name__} == ENTERED | BELOW
