"""The isolation is tested by trying, described in words, and fits an event."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from engine.sandbox import Isolation, cgroup, probe
from engine.sandbox.confinement import view
from engine.sandbox.selftest import canary
from engine.sandbox.selftest.probe import _binaries


@pytest.fixture(autouse=True)
def _no_view_of_another_test() -> Iterator[None]:
    view._view.cache_clear()
    yield
    view._view.cache_clear()


def test_a_probe_fits_an_event(best: Isolation) -> None:
    encoded = msgspec.json.encode(best)
    assert msgspec.json.decode(encoded, type=Isolation) == best
    assert len(encoded) < 2000


def test_every_measure_that_is_missing_says_what_to_do(best: Isolation) -> None:
    assert best.level in ("full", "partial")
    assert (best.level == "full") == all(measure.achieved for measure in best.measures)
    for measure in best.measures:
        assert measure.achieved or measure.remedy or measure.name == "seccomp"


def makes(*namespaces: str) -> bool:
    """Whether bubblewrap can make these here, when asked for nothing else."""
    commands = [[bwrap, *namespaces, "--ro-bind", "/", "/", "true"] for bwrap, _ in _binaries()]
    return any(subprocess.run(command, capture_output=True, check=False).returncode == 0 for command in commands)


def test_where_bubblewrap_makes_namespaces_a_sandbox_is_found() -> None:
    """A wall of ours that is gone must not look like a machine without sandboxes, which skips the tests of attacks."""
    found = probe()
    if os.geteuid() == 0 and makes("--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts"):
        assert found.mode == "real", found.measures
    elif makes("--unshare-all"):
        assert found.level != "none", found.measures
    else:
        pytest.skip("no namespaces can be made here")


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


def test_a_file_that_should_be_unseen_and_is_not_costs_the_sandbox_and_is_named(
    best: Isolation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(canary, "there", lambda view: ["/usr/bin/env"])
    found = probe()
    assert found.level == "none"
    assert "/usr/bin/env" in found.measures[0].how


def test_a_folder_that_is_visible_by_mistake_is_found_by_what_was_planted_in_it(
    best: Isolation, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == os.getuid():
            folder.chmod(folder.stat().st_mode | 0o555)
    python = view._python
    assert probe().level == best.level
    monkeypatch.setattr(view, "_python", lambda: (*python(), tmp_path.parent))
    monkeypatch.setattr(view, "_private", lambda: ())
    found = probe()
    assert found.level == "none"
    assert f"{tmp_path}/.sia-canary-" in found.measures[0].how
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("folder", ["/", "/etc", "/dev", "/usr/bin", "gone"])
def test_the_current_folder_costs_no_level(folder: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    shown = view.view()
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(folder if folder.startswith("/") else tmp_path / folder)
    if folder == "gone":
        (tmp_path / "gone").rmdir()
    found = set(canary.there(shown))
    assert not found & {"/etc/passwd", "/etc/group", "/proc", "/dev", "/tmp", "/usr"}  # noqa: S108
    assert not [path for path in found if path.startswith(("/dev/", "/usr/bin/"))]
    assert view.view().binds == shown.binds


def test_names_that_are_no_utf_8_cost_no_level(
    best: Isolation, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    folder.mkdir()
    (folder / os.fsdecode(b"\xff.txt")).touch()
    monkeypatch.chdir(folder)
    assert probe().level == best.level


def test_a_probe_works_where_the_current_folder_is_the_root(best: Isolation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    assert probe().level == best.level


def test_canaries_of_a_killed_process_are_removed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".sia-canary-4194999-0").touch()
    with canary.planted(view.view()) as planted:
        (mine,) = [path for path in map(Path, planted) if path.parent == tmp_path]
        assert list(tmp_path.iterdir()) == [mine]
    assert not list(tmp_path.iterdir())
