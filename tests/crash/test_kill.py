"""kill -9 at any moment, then resume: the run ends as if nothing had happened."""

from __future__ import annotations

import contextlib
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from engine.core.replay import verify as replay
from engine.events.reader import Reader
from engine.queries.audit import verify as audit
from engine.run.workspace import Workspace
from tests.playing import small
from tests.story import TOY, sia, story

MOMENTS = 10


def start(workspace: Path, *arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        sia(workspace, *arguments, "--headless"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def events_in(log: Path) -> int:
    if not log.exists():
        return 0
    try:
        with contextlib.closing(Reader.open(log)) as reader:
            runs = reader.runs()
            return runs[-1].head_n if runs else 0
    except Exception:  # the file is being created
        return 0


def wait_for(process: subprocess.Popen[bytes], log: Path, n: int) -> bool:
    """Until the log holds event `n`, or the process has ended; whether it still runs."""
    while process.poll() is None:
        if events_in(log) >= n:
            return True
        time.sleep(0.002)  # between two looks at a condition
    return False


@pytest.mark.parametrize("whole", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_ten_kills_change_nothing(tmp_path: Path, whole: bool) -> None:
    calm, stormy = tmp_path / "calm", tmp_path / "stormy"
    toy, probes = (str(TOY), "6") if whole else (small(tmp_path / "toy"), "2")
    arguments = ["run", toy, "--generations", "3", "--seed", "5", "--probes", probes]
    assert start(calm, *arguments).wait(120) == 0
    total = events_in(calm / "events.db")

    moments = sorted(random.Random(11).sample(range(2, total - 1), MOMENTS))
    process = start(stormy, *arguments)
    kills, seen = 0, 0
    for moment in moments:
        if wait_for(process, stormy / "events.db", moment):
            seen = max(seen, events_in(stormy / "events.db"))
            process.send_signal(signal.SIGKILL)
            process.wait()
            kills += 1
            assert events_in(stormy / "events.db") >= seen, "an acknowledged event is gone"
            process = start(stormy, "resume", "last")
    assert process.wait(120) == 0
    assert kills >= MOMENTS // 2, "the run was killed too rarely to show anything"

    with contextlib.closing(Reader.open(stormy / "events.db")) as reader:
        run = reader.runs()[-1].run
        assert story(stormy) == story(calm)
        assert audit(reader, Workspace(stormy)).problems == []
        assert replay(reader, run).identical
        done = [
            (event.generation, p.harness, p.split, p.instance, p.repeat)
            for event in reader.history(run)
            if (p := event.payload).type == "instance.finished"
        ]
        assert len(done) == len(set(done)), "an instance was finished twice"
        probes = [
            (p.generation, p.attempt, p.ordinal)
            for e in reader.history(run)
            if (p := e.payload).type == "probe.finished"
        ]
        assert len(probes) == len(set(probes)), "a probe was finished twice"


def test_commits_that_git_has_lost_are_written_again(tmp_path: Path) -> None:
    toy, place = small(tmp_path / "toy"), tmp_path / "w"
    assert start(place, "run", toy, "--generations", "2", "--seed", "5", "--probes", "2").wait(120) == 0
    shutil.rmtree(place / "harness_repo")
    assert start(place, "resume", "last", "--generations", "3").wait(120) == 0
    with contextlib.closing(Reader.open(place / "events.db")) as reader:
        assert audit(reader, Workspace(place)).problems == []
