"""What is recorded as trusted, for how long it counts, and who may record it."""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from domains import atomic
from engine import trust, user_state
from engine.errors import SiaError
from engine.run.workspace import Workspace
from tests.histories import started
from tests.unit.cli.trust.strangers import make


def test_what_is_made_here_is_trusted_until_something_else_takes_its_place(tmp_path: Path, state: Path) -> None:
    ref = started().domain
    mine = make(tmp_path / "mine" / ".sia", ref)
    assert trust.untrusted(mine.path) == []
    shutil.copytree(mine.path, tmp_path / "moved" / ".sia")
    assert trust.untrusted(tmp_path / "moved" / ".sia") == [tmp_path / "moved" / ".sia"]
    other = make(tmp_path / "other" / ".sia", ref)
    shutil.rmtree(mine.path)
    shutil.copytree(other.path, mine.path)
    assert trust.untrusted(mine.path) == [mine.path]
    (mine.path / "identity").unlink()
    assert trust.untrusted(mine.path) == [mine.path]


@pytest.mark.parametrize("whose", ["another user's", "everybody's"])
def test_an_empty_workspace_that_others_may_fill_is_asked_for(tmp_path: Path, whose: str) -> None:
    place = tmp_path / ".sia"
    place.mkdir()
    assert trust.untrusted(place) == []
    if whose == "everybody's":
        place.chmod(0o777)
    elif os.geteuid() == 0:
        os.chown(place, 12345, -1)
    else:
        pytest.skip("only root can give a folder away")
    trust.begin(place)
    assert trust.untrusted(place) == [place]


def test_two_processes_that_begin_a_workspace_at_once_both_trust_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, write = tmp_path / "mine" / ".sia", atomic.write
    recording, may_record = threading.Event(), threading.Event()
    place.mkdir(parents=True)

    def record_late(target: Path, content: bytes) -> None:
        recording.set()
        assert may_record.wait(30)
        write(target, content)

    monkeypatch.setattr(atomic, "write", record_late)
    with ThreadPoolExecutor() as pool:
        first = pool.submit(trust.begin, place)
        assert recording.wait(30)
        second = pool.submit(trust.check, place)
        with contextlib.suppress(TimeoutError):
            second.result(0.3)
        may_record.set()
        first.result()
        second.result()
    assert trust.untrusted(place) == []


@pytest.mark.parametrize("step", ["write", "create"])
def test_a_workspace_whose_beginning_was_killed_is_begun_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    place = tmp_path / "mine" / ".sia"
    place.mkdir(parents=True)

    def kill(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(atomic, step, kill)
        trust.begin(place)
    trust.begin(place)
    (place / "events.db").touch()
    assert trust.untrusted(place) == []


def test_a_workspace_of_an_earlier_version_is_asked_for_once(downloaded: Workspace) -> None:
    (downloaded.path / "identity").unlink()
    assert trust.untrusted(downloaded.path) == [downloaded.path]
    trust.remember(downloaded.path)
    assert trust.untrusted(downloaded.path) == []
    assert (downloaded.path / "identity").read_text()


def test_an_owner_who_changed_is_not_trusted(task: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trust.remember(task)
    assert trust.untrusted(None, [task]) == []
    monkeypatch.setattr(trust, "_mark", lambda path: "owner 12345")
    assert trust.untrusted(None, [task]) == [task]


def test_a_home_that_cannot_be_written_is_no_obstacle(
    task: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    places = [tmp_path / "nowhere" / "trusted", tmp_path / "var" / "sia-0" / "trusted"]
    (tmp_path / "nowhere").write_text("a file")
    (tmp_path / "var").mkdir()
    monkeypatch.setattr(user_state, "folders", lambda _: iter(places))
    trust.remember(task)
    assert trust.untrusted(None, [task]) == []
    assert places[1].stat().st_mode & 0o777 == 0o700
    places[1].parent.chmod(0o777)  # somebody else may have put the records there
    assert trust.untrusted(None, [task]) == [task]
    with pytest.raises(SiaError, match="cannot be recorded"):
        trust.remember(task)
    make(tmp_path / "mine" / ".sia", started().domain)  # goes on, and is asked for later


def test_records_of_another_user_do_not_count(task: Path, monkeypatch: pytest.MonkeyPatch, state: Path) -> None:
    trust.remember(task)
    if os.geteuid() != 0:
        pytest.skip("only root gives files away")
    os.chown(state / "sia" / "trusted", 65534, 65534)
    assert trust.untrusted(None, [task]) == [task]
