"""What a user trusts, and what a stranger has made."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from engine import user_state
from engine.run.workspace import Workspace
from tests.story import TOY
from tests.unit.cli.trust.strangers import make, ref_to


@pytest.fixture(autouse=True)
def state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """What this user trusts: nothing yet, whatever was recorded on this machine where no home could be written."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(user_state, "folders", lambda _: iter([tmp_path / "state" / "sia" / "trusted"]))
    return tmp_path / "state"


@pytest.fixture
def task(tmp_path: Path) -> Path:
    """A stranger's task, whose `domain.py` leaves a mark where it is executed."""
    folder = tmp_path / "downloaded" / "task"
    shutil.copytree(TOY, folder, ignore=shutil.ignore_patterns("__pycache__"))
    future, code = "from __future__ import annotations\n", (folder / "domain.py").read_text()
    mark = f"open({str(tmp_path / 'executed')!r}, 'w')\n"
    (folder / "domain.py").write_text(code.replace(future, future + mark, 1))
    return folder


@pytest.fixture
def downloaded(task: Path, tmp_path: Path, state: Path) -> Workspace:
    """The workspace of somebody else: made here, but nothing of it is remembered."""
    place = make(tmp_path / "downloaded" / ".sia", ref_to(task))
    shutil.rmtree(state)
    return place
