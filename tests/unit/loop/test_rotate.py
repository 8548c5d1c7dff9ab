"""A run with `--rotate`: fresh vals of the reserve, through a death, a replay, a fork and a branch."""

from __future__ import annotations

import contextlib
import json
import subprocess
from pathlib import Path

import pytest

from engine.core.replay import verify as replay
from engine.events import types as t
from engine.events.event import Event
from engine.events.reader import Reader
from tests.playing import small
from tests.story import sia, story

SCRIPT = "".join(f'[[decision]]\nparams = {{ method = "rule", skill = {skill} }}\n' for skill in (2, 1, 3, 2, 4))


def run(workspace: Path, *arguments: str, fails: bool = False) -> str:
    done = subprocess.run(sia(workspace, *arguments), capture_output=True, text=True, timeout=300, check=False)
    assert (done.returncode != 0) == fails, done.stdout + done.stderr
    return done.stdout + done.stderr


def begin(folder: Path, *more: str, fails: bool = False) -> str:
    (folder / "script.toml").write_text(SCRIPT)
    domain = small(folder / "toy", val=10, learnt=60)
    shared = ("--agent", f"script:{folder / 'script.toml'}", "--generations", "5", "--workers", "2", "--headless")
    return run(folder / "w", "run", domain, "--name", "turning", *shared, *more, fails=fails)


def events_of(workspace: Path, reference: str = "turning") -> list[Event]:
    with contextlib.closing(Reader.open(workspace / "events.db")) as reader:
        found = reader.find(reference).run
        assert replay(reader, found).identical
        return list(reader.history(found))


def answered(events: list[Event], split: str = "val") -> dict[int, list[set[str]]]:
    """By generation, the instances that each arm answered, in the order in which the arms began."""
    found: dict[int, dict[str, set[str]]] = {}
    for event in events:
        if isinstance(one := event.payload, t.InstanceFinished) and one.split == split:
            found.setdefault(event.generation, {}).setdefault(one.harness, set()).add(one.instance)
    return {n: list(arms.values()) for n, arms in found.items()}


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("calm")
    begin(folder, "--reserve", "0.5", "--rotate", "2")
    return folder / "w"


def test_both_arms_answer_each_fresh_val_and_nothing_else_reads_it(calm: Path) -> None:
    events = events_of(calm)
    started = events[0].payload
    assert isinstance(started, t.RunStarted) and started.settings.rotate == 2
    assert started.domain.counts == {"train": 30, "val": 10, "test": 8, "reserve": 30, "fresh": 3}
    arms = answered(events)
    assert [len(arms[n]) for n in (1, 2, 3, 4, 5)] == [1, 1, 2, 1, 2]
    assert all(len(one) == 10 and one == arms[n][0] for n in arms for one in arms[n])
    assert arms[1] == arms[2] and arms[3][:1] == arms[4]
    first, second, third = arms[1][0], arms[3][0], arms[5][0]
    assert not first & second and not second & third and second | third < {f"train-{x}" for x in range(60)}
    learnt = set().union(*(one for some in answered(events, "train").values() for one in some))
    assert not (second | third) & learnt
    assert not [event for event in events if event.type in ("gate.looked",)]
    verdicts = [one for event in events if isinstance(one := event.payload, t.GateDecided) and one.against]
    assert [one.n for one in verdicts] == [10, 10, 10, 10]


def test_scores_are_shown_with_their_val(calm: Path) -> None:
    shown = run(calm, "show", "turning")
    assert "on val" in shown and "on val 3, the present one; scores on different vals cannot be compared" in shown
    facts = json.loads(run(calm, "show", "turning", "--json"))
    assert [one["val_number"] for one in facts["generations"]] == [1, 1, 2, 2, 3]
    said = run(calm, "compare", "turning", "--cross", fails=True)
    assert "were executed on different vals, so their scores cannot be crossed" in said
    assert facts["best"]["val_number"] == 3 and facts["account"]["instances"] == 30


@pytest.mark.slow
def test_a_fork_and_a_branch_rotate_as_their_parent(calm: Path) -> None:
    events = events_of(calm)
    at = next(event.n for event in events if event.type == "execution.finished" and event.generation == 3) - 4
    run(calm, "fork", "turning", "--at", str(at), "--name", "again")
    assert story(calm, "again") == story(calm, "turning")
    run(calm, "branch", "turning", "--generation", "4", "--set", "seed=2", "--name", "other")
    arms = answered(events_of(calm, "other"))
    assert len(arms[5]) == 2 and arms[5][0] == arms[5][1]
    assert "rotate" in run(calm, "fork", "turning", "--at", str(at), "--set", "rotate=1", fails=True)


def test_a_reserve_that_is_too_small_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    said = begin(tmp_path, "--reserve", "0.5", "--rotate", "1", fails=True)
    assert "takes 4 fresh vals of 10 instances, and the reserve of times7 has 3" in said
    assert not (tmp_path / "w" / "events.db").exists()
