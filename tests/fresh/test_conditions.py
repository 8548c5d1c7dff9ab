"""What a machine lacks, or has too much of, changes nothing of what a run decides."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.fresh import sandboxes
from tests.fresh.conditions import CONDITIONS, HERE, Change, Place
from tests.fresh.job import done
from tests.fresh.machine import Machine
from tests.playing import small
from tests.story import TOY

TASK = "tests/toys/times7"
REFUSED = "no sandbox can be built here"


def test_all_conditions_at_once(tmp_path: Path) -> None:
    """With this environment, as whoever this is: the short form of what `make test-fresh` does with each of them."""
    done_here(tmp_path, TOY, CONDITIONS["everything_at_once"])


@pytest.fixture(scope="module")
def usual_here(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the job on a small task comes to in this environment."""
    inside = tmp_path_factory.mktemp("usual")
    return done_here(inside, Path(small(inside / "task")), CONDITIONS["nothing"])


@pytest.mark.slow
@pytest.mark.parametrize("condition", HERE)
def test_a_condition_that_can_be_made_here_changes_nothing(
    condition: str, tmp_path: Path, usual_here: dict[str, Any]
) -> None:
    assert done_here(tmp_path, Path(small(tmp_path / "task")), HERE[condition]) == usual_here


def done_here(inside: Path, task: Path, change: Change) -> dict[str, Any]:
    """What the job on `task` comes to in this environment after `change`."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    place = Place(inside, inside, {**os.environ, "PATH": path}, os.getuid())
    change(place)

    def call(command: str) -> str:
        told = subprocess.run(
            ["/bin/bash", "-c", command],
            cwd=place.folder,
            env=place.environment,
            umask=place.umask,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=120,
            check=False,
        )
        output = told.stdout.decode()
        assert told.returncode == 0, f"{command}\n{output}{told.stderr.decode(errors='replace')}"
        return output

    return done(call, task)


@pytest.fixture(scope="session")
def usual(installed: Machine) -> dict[str, Any]:
    """What the job comes to where nothing is lacking."""
    return _done(installed, _place(installed, "usual"))


@pytest.mark.fresh
@pytest.mark.parametrize("condition", [name for name in CONDITIONS if name != "nothing"])
def test_a_condition_changes_nothing(
    condition: str, installed: Machine, usual: dict[str, Any], share: Callable[[str], None]
) -> None:
    if condition != "everything_at_once":
        share("root" if list(CONDITIONS).index(condition) % 2 else "ordinary")
    place = _place(installed, condition)
    CONDITIONS[condition](place)
    assert _done(installed, place) == usual


@pytest.mark.fresh
def test_nor_does_an_installation_that_nobody_else_may_read(installed: Machine, usual: dict[str, Any]) -> None:
    """As one that was made under a umask of 077: the sandbox runs as nobody."""
    installed.run("chmod -R go= .venv engine domains harness_repo sia_tui tests")
    try:
        assert _done(installed, _place(installed, "private")) == usual
    finally:
        installed.run("chmod -R go+rX .venv engine domains harness_repo sia_tui tests")


@pytest.mark.fresh
@pytest.mark.parametrize("home", ["", "/"])
def test_nor_does_a_user_whom_the_system_does_not_know(home: str, installed: Machine, usual: dict[str, Any]) -> None:
    """As in a container that is told to run as user 54321."""
    if installed.person.uid != 0:
        pytest.skip("only root can be anybody")
    somebody = replace(installed, person=replace(installed.person, name="somebody", uid=54321, gid=54321))
    place = _place(somebody, "with the root as home" if home else "without a home")
    if home:
        place.environment["HOME"] = home
    else:
        del place.environment["HOME"]
    assert _done(somebody, place) == usual


@pytest.mark.fresh
def test_nor_do_forbidden_user_namespaces_where_root_needs_none(installed: Machine, usual: dict[str, Any]) -> None:
    if installed.person.uid != 0:
        pytest.skip("an ordinary user needs them")
    place = _place(installed, "no_user_namespaces_for_root")
    sandboxes.no_user_namespaces_for_root(place)
    assert _done(installed, place) == usual


@pytest.mark.fresh
@pytest.mark.parametrize("lack", [sandboxes.no_bubblewrap, sandboxes.no_user_namespaces])
def test_without_a_sandbox_a_run_is_refused_and_can_be_had_without(
    lack: Callable[[Place], None], installed: Machine, usual: dict[str, Any]
) -> None:
    place = _place(installed, lack.__name__)
    lack(place)
    installed.own(place.inside)
    command = f"sia run {installed.clone}/{TASK} --plain"
    status, told = installed.call(command, place.folder, environment=place.environment, wall_s=60)
    assert status == 1
    assert "Traceback" not in told
    assert REFUSED in told and "--unsafe-no-sandbox" in told.splitlines()[-1]
    assert _done(installed, place, "--unsafe-no-sandbox") == usual


def _place(machine: Machine, name: str) -> Place:
    inside = machine.folder(name)
    return Place(inside, inside, machine.activated, machine.person.uid)


def _done(machine: Machine, place: Place, options: str = "") -> dict[str, Any]:
    machine.own(place.inside)

    def call(command: str) -> str:
        return machine.run(command, place.folder, environment=place.environment, umask=place.umask, wall_s=120)

    return done(call, machine.clone / TASK, options)
