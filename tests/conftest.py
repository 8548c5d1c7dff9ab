"""What many tests share: a workspace with an awkward name, and a run that was made up in it."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from engine.events.log import RunLog
from engine.events.reader import Reader
from tests.histories import Play

settings.register_profile("sia", deadline=None)  # on a busy machine an example may take longer for no fault of the code
settings.load_profile("sia")


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Bytes are named by their argument: what gzip writes names the second, and workers must collect the same tests."""
    return argname if isinstance(val, bytes) else None


@pytest.fixture(scope="session", autouse=True)
def _own_places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The user's settings and state are the tests' own, also for the commands that they start."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME"):
            patch.setenv(name, str(tmp_path_factory.mktemp(name.lower())))
        yield


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A folder whose name would break a careless URI, shell or expansion."""
    path = tmp_path / "a b ?#%20 $HOME"
    path.mkdir()
    return path


@pytest.fixture
def finished(workspace: Path) -> str:
    """The id of a finished run of made-up results in `workspace`."""
    with contextlib.closing(RunLog.hold(workspace, "r1")) as log:
        Play(log).to_rest()  # type: ignore[arg-type]
    return "r1"


@pytest.fixture
def reader(workspace: Path) -> Iterator[Reader]:
    """The workspace's log, read-only; ask for it after what fills the log."""
    opened = Reader.open(workspace / "events.db")
    yield opened
    opened.close()


@pytest.fixture
def as_ordinary_user() -> Iterator[Callable[[], Path]]:
    """Gives a folder that this user may read and not write, also where the tests run as root."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)

        def lock_down() -> Path:
            for path in [folder, *folder.rglob("*")]:
                path.chmod(0o555 if path.is_dir() else 0o444)
            if os.geteuid() == 0:
                os.seteuid(65534)
            return folder

        lock_down.folder = folder  # type: ignore[attr-defined]
        try:
            yield lock_down
        finally:
            if os.getuid() == 0:
                os.seteuid(0)
            for path in [folder, *folder.rglob("*")]:
                path.chmod(0o755)
