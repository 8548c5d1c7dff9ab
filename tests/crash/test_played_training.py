"""The engine dies after each kind of effect of a training; `sia resume` trains what is left. The trainer is played.

test_training.py does the same with a real trainer, at random moments.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.core import replay
from engine.events import types as t
from engine.events.log import RunLog
from engine.events.reader import Reader
from engine.queries import audit
from tests.training import TRAINS, PlayedTrainer, Stage, stage

pytest.importorskip("httpx2", reason="the extra agents is not installed")
pytestmark = pytest.mark.slow
EFFECTS = ("learn", "save", "training.checkpointed", "export", "weights.trained")
LAST = {"learn": 3, "save": 3, "training.checkpointed": 3}
"""How often one comes before the engine dies; else the first does it, so for the export of round 1."""
LEFT = {"learn": [3], "save": [3], "export": [2, 3]}
"""The rounds that are left."""
DEAD = 9


def story(payloads: list[t.Payload]) -> dict[str, Any]:
    """What a training came to, in any order of the answers; an adapter's id depends on the folder of its base."""
    told: dict[str, Any] = {"answers": {}}
    for one in payloads:
        match one:
            case t.TrainingCheckpointed():
                told.setdefault("rounds", []).append((one.round, one.rewards))
            case t.WeightsTrained() | t.GateDecided() | t.RunFinished():
                told.setdefault(one.type, []).append(getattr(one, "reason", ""))
            case t.InstanceFinished():
                told["answers"][one.instance, bool(one.weights)] = one.answer
    return told


def dies_after(patch: pytest.MonkeyPatch, effect: str) -> None:
    """This process dies after the last such effect."""
    left = [LAST.get(effect, 1)]

    def met() -> None:
        left[0] -= 1
        if not left[0]:
            os._exit(DEAD)

    if effect in ("learn", "save", "export"):
        real: Callable[..., Any] = getattr(PlayedTrainer, effect)

        async def played(*arguments: Any) -> Any:
            done = await real(*arguments)
            met()
            return done

        patch.setattr(PlayedTrainer, effect, played)
    else:
        append = RunLog.append

        def appended(self: RunLog, payloads: Any, **options: Any) -> Any:
            done = append(self, payloads, **options)
            if any(payload.type == effect for _, payload in payloads):
                met()
            return done

        patch.setattr(RunLog, "append", appended)


def killed(play: Stage, patch: pytest.MonkeyPatch, effect: str) -> int:
    """The exit code of an engine that trains, and dies there."""
    child = os.fork()
    if not child:
        try:
            dies_after(patch, effect)
            play.run(TRAINS)
        finally:
            os._exit(1)  # it has not died
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    with pytest.MonkeyPatch.context() as patch, stage(tmp_path_factory.mktemp("calm"), patch) as play:
        return story(play.run(TRAINS))


@pytest.mark.parametrize("effect", EFFECTS)
def test_an_engine_that_dies_in_a_training_trains_what_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, calm: dict[str, Any], effect: str
) -> None:
    with stage(tmp_path, monkeypatch) as play:
        assert killed(play, monkeypatch, effect) == DEAD
        assert story(play.resume()) == calm
        learnt = [number for number, _ in play.did("learn")]  # by the second engine
        assert learnt == LEFT.get(effect, []), "a round was done again, or left out"
        training = play.workspace.path / "training"
        if effect != "weights.trained":  # then `sia gc` removes them
            assert not training.exists() or not any(training.iterdir())
        with contextlib.closing(Reader.open(play.workspace.log)) as reader:
            assert audit.verify(reader, play.workspace).problems == []
            assert replay.verify(reader, reader.find("last").run).identical
