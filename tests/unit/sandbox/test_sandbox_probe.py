"""What is achieved is tried out, said in words, and fits an event."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import msgspec
import pytest

from engine.sandbox import Isolation, cgroup, probe, profile


def test_a_probe_fits_an_event(best: Isolation) -> None:
    encoded = msgspec.json.encode(best)
    assert msgspec.json.decode(encoded, type=Isolation) == best
    assert len(encoded) < 2000


def test_every_measure_that_is_missing_says_what_to_do(best: Isolation) -> None:
    assert best.level in ("full", "partial")
    assert (best.level == "full") == all(measure.achieved for measure in best.measures)
    for measure in best.measures:
        assert measure.achieved or measure.remedy or measure.name == "seccomp"


def test_a_probe_works_inside_a_running_loop() -> None:
    async def inside() -> Isolation:
        return probe()

    assert asyncio.run(inside()).bwrap


def test_groups_of_a_dead_engine_are_cleared_away(best: Isolation) -> None:
    controllers = cgroup.find()
    if controllers is None:
        return
    stale = controllers.pids / f"sia-{os.getpid()}-1-0"
    stale.mkdir()
    (stale / "slot-0").mkdir()
    assert cgroup.find() == controllers
    assert not stale.exists()


def test_no_group_is_left(best: Isolation) -> None:
    controllers = cgroup.find()
    if controllers is not None:
        groups = cgroup.Groups(controllers)
        groups.child("slot-0", processes=4, memory_mb=16)
        assert groups.remove()
        assert not list(controllers.pids.glob(f"sia-{os.getpid()}-*"))


def test_a_python_in_a_home_folder_costs_no_level_and_what_is_beside_it_stays_unseen(
    best: Isolation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    (home / "me" / "sia" / ".venv").mkdir(parents=True)
    beside = [home / "another", home / "me" / ".netrc", home / "me" / "sia" / ".sia"]
    for path in beside:
        path.touch()
    monkeypatch.setattr(sys, "base_prefix", str(home / "me" / "sia" / ".venv"))
    monkeypatch.setattr(profile, "_HIDDEN_PATHS", (*profile._HIDDEN_PATHS, str(home)))
    assert {str(path) for path in beside} <= set(profile.hidden_paths())
    assert str(home) not in profile.hidden_paths()
    assert probe().level == best.level


def test_a_path_that_should_be_unseen_and_is_not_costs_the_sandbox(
    best: Isolation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(profile, "hidden_paths", lambda: ["/usr/bin/env"])
    assert probe().level == "none"
