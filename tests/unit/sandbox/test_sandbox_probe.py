"""What is achieved is tried out, said in words, and fits an event."""

from __future__ import annotations

import asyncio
import os

import msgspec

from engine.sandbox import Isolation, cgroup, probe


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
