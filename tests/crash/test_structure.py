"""kill -9 between probes of other structures, then resume: the same proposals, as if nothing had happened."""

from __future__ import annotations

import contextlib
import signal
from pathlib import Path

import pytest

from engine.core.replay import verify as replay
from engine.events import types as t
from engine.events.reader import Reader
from harness_repo.structure.named import changes_of
from tests.crash.test_kill import events_in, start, wait_for
from tests.playing import payloads
from tests.story import story
from tests.unit.loop.test_structure import bare


@pytest.mark.slow
def test_kills_change_nothing_of_what_is_proposed(tmp_path: Path) -> None:
    calm, stormy = tmp_path / "calm", tmp_path / "stormy"
    arguments = ["run", bare(tmp_path / "toy"), "--generations", "3", "--probes", "10", "--seed", "3"]
    assert start(calm, *arguments).wait(300) == 0
    tried = [n for n, event in enumerate(events_of(calm), 1) if isinstance(event, t.ProbeFinished)]
    assert sum(bool(changes_of(one.params)) for one in payloads(calm, t.ProbeFinished)) > 8
    running, kills = start(stormy, *arguments), 0
    for moment in (tried[1], tried[6], tried[-2]):
        if wait_for(running, stormy / "events.db", moment):
            running.send_signal(signal.SIGKILL)
            running.wait()
            kills += 1
            running = start(stormy, "resume", "last")
    assert running.wait(300) == 0
    assert kills >= 2 and events_in(stormy / "events.db") > 0
    assert story(stormy) == story(calm)
    with contextlib.closing(Reader.open(stormy / "events.db")) as reader:
        assert replay(reader, reader.find("last").run).identical


def events_of(workspace: Path) -> list[t.Payload]:
    with contextlib.closing(Reader.open(workspace / "events.db")) as reader:
        return [event.payload for event in reader.history(reader.find("last").run)]
