"""A run with a reserve: two looks, through death between them, a replay and a fork; and who never sees the reserve."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from domains.contract import Instance
from engine.core import replay
from engine.evaluation.trial import prepared_on
from engine.events import types as t
from engine.events.event import Event
from engine.events.reader import Reader
from tests.story import TOY, sia, story

SCRIPT = """
[[decision]]
params = { method = "rule", skill = 2 }
[[decision]]
params = { method = "rule", skill = 1 }
[[decision]]
params = { method = "rule", skill = 3 }
"""


def run(workspace: Path, *arguments: str) -> None:
    done = subprocess.run(sia(workspace, *arguments), capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def command(folder: Path) -> tuple[str, ...]:
    (folder / "script.toml").write_text(SCRIPT)
    script = f"script:{folder / 'script.toml'}"
    return (
        "run",
        str(TOY),
        "--reserve",
        "0.5",
        "--generations",
        "4",
        "--agent",
        script,
        "--workers",
        "2",
        "--headless",
    )


def events_of(workspace: Path, reference: str = "last") -> list[Event]:
    with contextlib.closing(Reader.open(workspace / "events.db")) as reader:
        found = reader.find(reference).run
        assert replay.verify(reader, found).identical
        return list(reader.history(found))


def answered(events: list[Event], split: str) -> list[tuple[int, str, str]]:
    results = [(event.generation, event.payload) for event in events]
    return [
        (n, one.harness, one.instance)
        for n, one in results
        if isinstance(one, t.InstanceFinished) and one.split == split
    ]


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("calm")
    run(folder / "w", *command(folder))
    return folder / "w"


@pytest.mark.slow
def test_the_looks_are_in_the_log_and_the_reserve_is_answered_where_the_first_is_open(calm: Path) -> None:
    events = events_of(calm, "times7-1")
    verdicts = [one for event in events if isinstance(one := event.payload, t.GateDecided)]
    assert [(one.accepted, len(one.looks), one.n) for one in verdicts] == [
        (True, 0, 80), (True, 2, 110), (False, 1, 80), (True, 2, 110),
    ]  # fmt: skip
    looked = [one.open for event in events if isinstance(one := event.payload, t.GateLooked)]
    assert looked == [True, False, True]
    by_generation = [n for n, _, _ in answered(events, "reserve")]
    # the first incumbent and its successor, and later the new candidate alone
    assert [by_generation.count(n) for n in (1, 2, 3, 4)] == [0, 60, 0, 30]


@pytest.mark.slow
def test_no_harness_learns_from_the_reserve_and_its_results_are_none_of_train(calm: Path) -> None:
    events = events_of(calm, "times7-1")
    started = events[0].payload
    assert isinstance(started, t.RunStarted)
    assert started.domain.counts == {"train": 30, "reserve": 30, "val": 80, "test": 40}
    kept, read = ({instance for _, _, instance in answered(events, split)} for split in ("reserve", "train"))
    everything = {f"train-{x}" for x in range(60)}
    assert len(kept) == 30 and kept < everything and not kept & read
    learnt = prepared_on([Instance(name, None) for name in everything - kept - read])
    results = [one for event in events if isinstance(one := event.payload, t.InstanceFinished)]
    assert {one.prepared for one in results} == {learnt}
    assert not [one.detail for one in results if one.split == "reserve" and one.detail]  # it would tell the label


@pytest.mark.slow
@pytest.mark.parametrize("place", ["first look", "amid the reserve"])
def test_a_run_that_is_killed_between_the_looks_ends_as_the_calm_one(calm: Path, tmp_path: Path, place: str) -> None:
    workspace = tmp_path / "w"
    process = subprocess.Popen(
        sia(workspace, *command(tmp_path)), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
    )
    wanted = "gate.looked" if place == "first look" else "reserve"
    until = time.monotonic() + 120
    while not _has(workspace, wanted) and time.monotonic() < until:
        time.sleep(0.002)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert process.stdout and process.stdout.close() is None
    before = events_of(workspace)
    assert not [
        one for event in before if isinstance(one := event.payload, t.ExecutionFinished) and event.generation == 2
    ]
    run(workspace, "resume", "last", "--headless")
    assert story(workspace) == story(calm, "times7-1")
    assert len(answered(events_of(workspace), "reserve")) == 90


def _has(workspace: Path, wanted: str) -> bool:
    with contextlib.suppress(Exception), contextlib.closing(Reader.open(workspace / "events.db")) as reader:
        for event in reader.history(reader.find("last").run):
            payload = event.payload
            if event.type == wanted or (isinstance(payload, t.InstanceFinished) and payload.split == wanted):
                return True
    return False


@pytest.mark.slow
def test_a_fork_keeps_the_reserve_and_remembers_its_results(calm: Path, tmp_path: Path) -> None:
    events = events_of(calm, "times7-1")
    at = next(event.n for event in events if event.type == "gate.looked") - 1
    run(calm, "fork", "times7-1", "--at", str(at), "--name", "again")
    forked = events_of(calm, "again")
    assert story(calm, "again") == story(calm, "times7-1")
    reused = [
        one.reused
        for event in forked[at:]
        if isinstance(one := event.payload, t.InstanceFinished) and one.split == "reserve"
    ]
    assert len(reused) == 90 and all(reused)
