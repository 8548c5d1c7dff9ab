"""kill -9 while a language model's try of a harness is executed: nothing is lost, and the run ends as a calm one."""

from __future__ import annotations

import contextlib
import signal
import time
from collections import Counter
from pathlib import Path

import pytest

from engine.core.replay import verify as replay
from engine.events import types as t
from engine.events.reader import Reader
from engine.queries.audit import verify as audit
from engine.run.workspace import Workspace
from tests.crash.test_models_of_the_table import happened, is_answered, start
from tests.fakes.anthropic_server import AnthropicServer, Plan, Use
from tests.fakes.serving import Asked
from tests.playing import payloads, small
from tests.story import story
from tests.unit.loop.test_tries import RUN, trying

pytest.importorskip("anthropic", reason="the extra agents is not installed")
pytestmark = pytest.mark.slow

SLOWLY = "import time\n\n\ndef solve(instance, ctx):\n    time.sleep(0.2)\n"


def trying_slowly(asked: Asked) -> Plan:
    """The game with tries, in which a harness takes a fifth of a second for a case."""
    plan = trying(asked)
    return plan._replace(blocks=[slow(one) if isinstance(one, Use) else one for one in plan.blocks])


def slow(use: Use) -> Use:
    files = {
        path: text.replace("def solve(instance, ctx):\n", SLOWLY) if path == "agent.py" else text
        for path, text in use.input.get("files", {}).items()
    }
    return use._replace(input={**use.input, "files": files}) if files else use


def test_a_kill_within_a_try_changes_nothing(tmp_path: Path) -> None:
    calm, stormy = tmp_path / "calm", tmp_path / "stormy"
    words = ("run", small(tmp_path / "times7"), *RUN, "--seed", "5")
    with AnthropicServer(trying_slowly) as server:
        assert start(calm, server, *words).wait(240) == 0
    with AnthropicServer(trying_slowly) as server:
        running = start(stormy, server, *words)
        # the Meta-Agent's second try; the best candidate, to compare with; a candidate; a later one
        for tries in (1, 2, 3, 5):
            while running.poll() is None and not happened(stormy, t.ProbeFinished, tries):
                time.sleep(0.01)  # between two looks at a condition
            time.sleep(0.25)  # a try takes 0.6 s or more
            assert running.poll() is None, "it ended too early to be killed"
            running.send_signal(signal.SIGKILL)
            running.wait()
            assert len(payloads(stormy, t.ProbeFinished)) == tries, "the try had ended"
            running = start(stormy, server, "resume", "last")
        assert running.wait(240) == 0
        answered = [record for record in server.wait_for(1) if is_answered(record)]
    assert story(stormy) == story(calm)
    for workspace in (calm, stormy):
        uses = Counter((one.place, one.ordinal, one.name) for one in payloads(workspace, t.ToolCalled))
        assert set(uses.values()) == {1}, "a tool was used twice"
    tried = [[(one.ordinal, one.key, one.evaluations) for one in payloads(w, t.ProbeFinished)] for w in (calm, stormy)]
    assert tried[0] == tried[1]
    paid = [one for one in payloads(stormy, t.ModelCalled) if not one.reused]
    assert len(answered) - len(paid) <= 4, "more was asked again than was in flight at a kill"
    with contextlib.closing(Reader.open(stormy / "events.db")) as reader:
        assert audit(reader, Workspace(stormy)).problems == []
        assert replay(reader, reader.find("last").run).identical
