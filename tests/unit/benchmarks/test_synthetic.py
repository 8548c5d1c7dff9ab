"""The made-up run that the terminal is measured with: whole, replayable, as long as asked, and live when asked."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks.hostile import FILES, LOGS, SPECIMENS
from benchmarks.synthetic import LEAST, live, write
from engine.core import replay
from engine.core.state import fold
from engine.evaluation.answer_codec import unpack
from engine.events import types as t
from engine.events.log import is_held
from engine.events.reader import Reader
from engine.queries import audit
from engine.run.workspace import Workspace


def checked(workspace: Path, run: str) -> tuple[audit.AuditResult, replay.ReplayResult]:
    with contextlib.closing(Reader.open(workspace / "events.db")) as reader:
        return audit.verify(reader, Workspace(workspace)), replay.verify(reader, run)


@pytest.mark.parametrize("events", [LEAST, 2000])
def test_a_run_has_exactly_as_many_events_as_asked_and_is_whole(workspace: Path, events: int) -> None:
    run = write(workspace, events)
    assert checked(workspace, run) == (audit.AuditResult(True, events, []), replay.ReplayResult(True, events, None))


def test_a_run_holds_what_a_terminal_has_to_show(workspace: Path) -> None:
    run = write(workspace, 2000)
    with contextlib.closing(Reader.open(workspace / "events.db")) as reader:
        events = list(reader.history(run))
    state = fold(events)
    verdicts = [one.verdict for one in state.generations if one.verdict]
    assert state.status == "finished"
    assert {True, False} == {verdict.accepted for verdict in verdicts}
    assert any(verdict.fixed and verdict.broken for verdict in verdicts)
    assert {"step.failed", "improvement.failed", "probe.finished"} <= {event.type for event in events}


def test_one_seed_makes_one_log(tmp_path: Path) -> None:
    heads = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        write(tmp_path / name, LEAST, seed)
        with contextlib.closing(Reader.open(tmp_path / name / "events.db")) as reader:
            heads.append(reader.find("last").head_hash)
    assert heads[0] == heads[1] != heads[2]


def test_hostile_text_is_stored_as_it_is(workspace: Path) -> None:
    run = write(workspace, 2000, hostile=True)
    assert checked(workspace, run)[0].ok
    with contextlib.closing(Reader.open(workspace / "events.db")) as reader:
        events = list(reader.history(run))
        results = [event.payload for event in events if event.type == t.InstanceFinished.type]
        answers = [unpack(one.answer, reader.blob) for one in results if isinstance(one, t.InstanceFinished)]
        logs = [reader.blob(one.log) for one in results if isinstance(one, t.InstanceFinished) and one.log]
        names = [one.instance for one in results if isinstance(one, t.InstanceFinished)]
        written = [event.payload for event in events if event.type == t.HarnessWritten.type]
    for specimen in SPECIMENS.values():
        assert any(isinstance(answer, str) and answer.endswith(f" {specimen}") for answer in answers)
        assert any(name.endswith(f" {specimen}") for name in names)
    assert set(LOGS.values()) <= set(logs)
    assert LOGS["long-line"].decode() in answers
    assert all(set(FILES) <= set(version.files) for version in written[1:] if isinstance(version, t.HarnessWritten))


def test_a_live_run_goes_on_at_its_rate_and_rests(workspace: Path) -> None:
    run = write(workspace, LEAST)
    began = time.monotonic()
    count = live(workspace, 400, 1.0)
    assert count / (time.monotonic() - began) <= 500
    assert count > 100
    whole, replayed = checked(workspace, run)
    assert whole == audit.AuditResult(True, LEAST + count, [])
    assert replayed.identical
    with contextlib.closing(Reader.open(workspace / "events.db")) as reader:
        assert reader.find(run).status == "paused"


def test_a_live_run_is_held_until_it_is_told_to_end(workspace: Path) -> None:
    run = write(workspace, LEAST)
    command = [sys.executable, "-m", "benchmarks.synthetic", "--workspace", str(workspace), "--live", "200"]
    engine = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        with contextlib.closing(Reader.open(workspace / "events.db")) as reader:
            until = time.monotonic() + 30
            while reader.find(run).head_n < LEAST + 50 and time.monotonic() < until:
                time.sleep(0.02)
            assert reader.find(run).head_n >= LEAST + 50
        assert is_held(workspace, run)
    finally:
        engine.send_signal(signal.SIGTERM)
        engine.wait(timeout=30)
    assert not is_held(workspace, run)
    assert checked(workspace, run)[0].ok
