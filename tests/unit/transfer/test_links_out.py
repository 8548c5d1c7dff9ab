"""A workspace that a stranger made reaches nothing outside: no link in it is followed, no pipe in it is waited for.

Every trap is also tried with the check taken away, and must then bite: else it would test nothing.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engine import containment, user_settings
from engine.errors import SiaError
from engine.events.log import RunLog, is_held
from engine.events.storage.connection import connect_plainly
from engine.loop import control_socket
from engine.queries import audit
from engine.run.workspace import Workspace
from engine.transfer.annotations import note, rename
from engine.transfer.garbage import sweep
from engine.transfer.rebuild import rebuild
from engine.transfer.removal import remove
from harness_repo.repository import RepositoryError
from tests.unit.transfer.carried import Logged

Trap = Callable[[Path, Path], None]
KEEPSAKE = b"what is precious\n" * 8


def _linked(name: str, target: str = "", *, hard: bool = False) -> Trap:
    """`name` in the workspace is a link to the outside, to its file `target` or to the folder itself."""

    def plant(workspace: Path, outside: Path) -> None:
        place = workspace / name
        shutil.rmtree(place) if place.is_dir() else place.unlink(missing_ok=True)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.hardlink_to(outside / target) if hard else place.symlink_to(outside / target)

    return plant


def _a_log_elsewhere(workspace: Path, outside: Path) -> None:
    (workspace / "events.db").rename(outside / "events.db")
    (workspace / "events.db").symlink_to(outside / "events.db")


def _another_name_of_a_log(workspace: Path, outside: Path) -> None:
    (workspace / "events.db").rename(outside / "events.db")
    (workspace / "events.db").hardlink_to(outside / "events.db")


def _a_repository_elsewhere(workspace: Path, outside: Path) -> None:
    """git takes refs and objects from the folder that `commondir` names."""
    subprocess.run(["git", "init", "-q", "--bare", outside / "project"], check=True)
    (workspace / "harness_repo" / "commondir").write_text(f"{outside / 'project'}\n")


def _a_run_named_by_a_path(workspace: Path, outside: Path) -> None:
    """The id of a run is a name of files: of its lock, its tip and its socket."""
    db = connect_plainly(str(workspace / "events.db"))
    guards = db.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'events'").fetchall()
    for name, _ in guards:
        db.execute(f"DROP TRIGGER {name}")
    tables = db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    for (table,) in tables:
        if any(column[1] == "run" for column in db.execute(f"PRAGMA table_info({table})").fetchall()):
            db.execute(f"UPDATE {table} SET run = ?", (f"../../{outside.name}/keepsake",))  # noqa: S608
    for _, sql in guards:
        db.execute(sql)
    db.close()


def _packed_refs_elsewhere(workspace: Path, outside: Path) -> None:
    repository = workspace / "harness_repo"
    subprocess.run(["git", f"--git-dir={repository}", "pack-refs", "--all"], check=True)
    (repository / "packed-refs").rename(outside / "packed-refs")
    (repository / "packed-refs").symlink_to(outside / "packed-refs")


TRAPS: dict[str, Trap] = {
    "tips": _linked("tips"),
    "locks": _linked("locks"),
    "control": _linked("control"),
    "training": _linked("training"),
    "adapters": _linked("adapters"),
    "harness_repo": _linked("harness_repo"),
    "heads": _linked("harness_repo/refs/heads"),
    "tags": _linked("harness_repo/refs/tags"),
    "refs": _linked("harness_repo/refs"),
    "objects": _linked("harness_repo/objects"),
    "packed refs": _packed_refs_elsewhere,
    "the journal ahead, hard": _linked("events.db-wal", "r1", hard=True),
    "the index of the journal, hard": _linked("events.db-shm", "r1", hard=True),
    "a log elsewhere": _a_log_elsewhere,
    "another name of a log": _another_name_of_a_log,
    "commondir": _a_repository_elsewhere,
    "a run named by a path": _a_run_named_by_a_path,
}
# SQLite and filelock refuse these, or do not write to them; other versions may
HELD: dict[str, Trap] = {
    "the journal ahead, soft": _linked("events.db-wal", "r1"),
    "the index of the journal, soft": _linked("events.db-shm", "r1"),
    "the journal": _linked("events.db-journal", "r1"),
    "a tip": _linked("tips/r1", "r1"),
    "a tip, hard": _linked("tips/r1", "r1", hard=True),
    "the lock of the run": _linked("locks/r1", "r1"),
    "the lock of the run, hard": _linked("locks/r1", "r1", hard=True),
    "the lock of names": _linked("naming.lock", "r1"),
    "the lock of names, hard": _linked("naming.lock", "r1", hard=True),
    "the lock of calls": _linked("calls.lock", "r1"),
    "the lock of calls, hard": _linked("calls.lock", "r1", hard=True),
    "HEAD": _linked("harness_repo/HEAD", "r1"),
}


@pytest.fixture(scope="module")
def _template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = Workspace(tmp_path_factory.mktemp("template") / ".sia")
    place.create()
    with contextlib.closing(RunLog.hold(place.path, "r1")) as log:
        Logged(log).to_rest()  # type: ignore[arg-type]
    rebuild(place)
    return place.path


@pytest.fixture
def home(_template: Path, tmp_path: Path) -> Workspace:
    """A workspace with a finished run and its repository."""
    shutil.copytree(_template, tmp_path / ".sia")
    return Workspace(tmp_path / ".sia")


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A folder with files and a folder, beside the workspace."""
    folder = tmp_path / "outside"
    (folder / "deep").mkdir(parents=True)
    for name in ("r1", "keepsake", "deep/keepsake"):
        (folder / name).write_bytes(KEEPSAKE)
    return folder


def _seen(folder: Path) -> dict[str, bytes | None]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }


def _use(workspace: Workspace) -> Iterator[Callable[[], object]]:
    """What the commands do that change a workspace."""
    yield lambda: rename(workspace, "last", "renamed")
    yield lambda: note(workspace, "last", "a note")
    yield lambda: rebuild(workspace)
    yield lambda: sweep(workspace)
    yield lambda: remove(workspace, "last")
    yield lambda: sweep(workspace)


def _harm(workspace: Workspace, outside: Path) -> tuple[bool, list[str]]:
    """Whether any step changed the outside, and the sentences with which steps were refused."""
    before, changed, refused = _seen(outside), False, []
    for step in _use(workspace):
        try:
            step()
        except (SiaError, RepositoryError, OSError) as error:
            refused.append(str(error))
        changed = changed or _seen(outside) != before
    return changed, refused


@pytest.mark.parametrize("trap", TRAPS | HELD)
def test_nothing_outside_is_written_or_deleted(home: Workspace, outside: Path, trap: str) -> None:
    (TRAPS | HELD)[trap](home.path, outside)
    changed, refused = _harm(home, outside)
    assert not changed
    assert refused


@pytest.mark.slow
@pytest.mark.parametrize("trap", TRAPS)
def test_without_the_check_each_trap_bites(
    home: Workspace, outside: Path, trap: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(containment, "check_workspace", lambda folder: None)
    monkeypatch.setattr(containment, "inside", lambda folder, *names: folder.joinpath(*names))
    TRAPS[trap](home.path, outside)
    changed, refused = _harm(home, outside)
    assert changed, refused


def test_objects_and_tags_are_too_many_to_look_at_each(home: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[Path] = []
    check = containment._check
    monkeypatch.setattr(containment, "_check", lambda path, *rest: (looked.append(path), check(path, *rest)))
    containment.check_workspace(home.path)
    few = len(looked)
    for folder in ("objects/aa", "refs/tags/toy-9"):
        place = home.path / "harness_repo" / folder
        place.mkdir(parents=True, exist_ok=True)
        for n in range(100):
            (place / f"{n:038}").touch()
    looked.clear()
    containment.check_workspace(home.path)
    assert len(looked) == few
    (place / "link").symlink_to(home.log)
    with pytest.raises(SiaError, match="a link"):
        containment.check_workspace(home.path)


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "name",
    [
        *("events.db", "events.db-wal", "events.db-shm", "events.db-journal", "tips/r1", "control/r1", "sia.toml"),
        *("locks/r1", "naming.lock", "calls.lock", "adapters/a/adapter_config.json", "training/k/1/state.json"),
        *("harness_repo/HEAD", "harness_repo/config", "harness_repo/packed-refs", "harness_repo/refs/heads/toy-1"),
    ],
)
def test_a_pipe_in_the_place_of_a_file_is_not_waited_for(home: Workspace, name: str) -> None:
    place = home.path / name
    place.parent.mkdir(parents=True, exist_ok=True)
    place.unlink(missing_ok=True)
    os.mkfifo(place)

    def verify() -> None:
        with contextlib.closing(home.reader()) as reader:
            audit.verify(reader, home)

    for step in (verify, *_use(home)):
        with pytest.raises(SiaError, match=r"neither a file nor a folder|there is no log"):
            step()
    assert not is_held(home.path, "r1")
    if name == "sia.toml":
        with pytest.raises(SiaError, match="neither a file nor a folder"):
            user_settings.read(home.path)


@pytest.mark.timeout(20)
def test_git_reads_no_pipe_that_its_configuration_includes(home: Workspace, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with (home.path / "harness_repo" / "config").open("a") as file:
        file.write("[Include]\n\tpath = ../../pipe\n")
    with pytest.raises(SiaError, match="a configuration that includes other files"):
        home.repository().refs()


def test_a_workspace_may_be_reached_by_a_link_and_hold_what_is_not_ours(home: Workspace, tmp_path: Path) -> None:
    (home.path / "mine").symlink_to("/etc/passwd")
    (tmp_path / "elsewhere").symlink_to(home.path)
    rename(Workspace(tmp_path / "elsewhere"), "last", "renamed")
    with contextlib.closing(home.reader()) as reader:
        assert reader.find("last").name == "renamed"


def test_a_new_log_may_have_two_names_while_it_appears(home: Workspace) -> None:
    """Another process may look between the two steps, and a writer may have been killed there."""
    scratch = home.path / ".new-abc"
    scratch.mkdir()
    (scratch / "events.db").hardlink_to(home.log)
    containment.check_workspace(home.path)
    (home.path / "second").hardlink_to(home.log)
    with pytest.raises(SiaError, match="hard link"):
        containment.check_workspace(home.path)


def test_the_control_socket_is_not_made_elsewhere(home: Workspace, outside: Path) -> None:
    _linked("control")(home.path, outside)
    with pytest.raises(SiaError, match="is a link"):
        control_socket.address(home.path, "r1")
