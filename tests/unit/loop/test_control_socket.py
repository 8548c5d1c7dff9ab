"""Whoever finds a workspace finds its live engine, whatever its path is."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from engine.errors import SiaError
from engine.grading.live_work import Calls, LiveWork, Work
from engine.loop import control_socket
from engine.loop.control_socket import Control, Heard, PauseRequest, address, listen, send
from engine.models.live_text import LiveText, Spoken

PAUSE = PauseRequest("pause", "somebody")


async def answered(workspace: Path, way: Path) -> Control:
    """An engine in `workspace` that got a request to pause from a process that reached it by the path `way`."""
    control = Control()
    await control.listen(workspace, "r1")
    try:
        assert await asyncio.to_thread(send, way, "r1", PAUSE)
    finally:
        control.close()
    return control


def test_a_long_name_behind_a_link_and_another_temporary_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = tmp_path / ("a long name " * 12) / ".sia"
    workspace.mkdir(parents=True)
    way = tmp_path / "link"
    way.symlink_to(workspace)
    monkeypatch.setenv("TMPDIR", str(tmp_path / "nowhere"))
    control = asyncio.run(answered(workspace, way))
    assert control.request == PAUSE
    assert not address(workspace, "r1").exists()
    assert not send(workspace, "r1", PAUSE)


def test_no_other_user_reaches_it_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        asyncio.run(answered(tmp_path, tmp_path))
    finally:
        os.umask(before)
    assert address(tmp_path, "r1").parent.stat().st_mode & 0o777 == 0o700


def test_a_folder_that_came_with_the_workspace_is_closed_to_others(tmp_path: Path) -> None:
    folder = address(tmp_path, "r1").parent
    folder.mkdir()
    folder.chmod(0o777)
    asyncio.run(answered(tmp_path, tmp_path))
    assert folder.stat().st_mode & 0o777 == 0o700


def test_another_user_is_not_heard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control_socket, "_is_own", lambda user: user not in (0, os.geteuid()))
    with pytest.raises(AssertionError):
        asyncio.run(answered(tmp_path, tmp_path))


def test_whose_requests_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert [control_socket._is_own(user) for user in (0, 1000, 1001)] == [True, True, False]


def test_a_dead_engines_socket_is_taken_over(tmp_path: Path) -> None:
    async def killed() -> None:
        control = Control()
        await control.listen(tmp_path, "r1")
        assert control._server
        control._server.close()

    asyncio.run(killed())
    assert address(tmp_path, "r1").exists()
    assert asyncio.run(answered(tmp_path, tmp_path)).request == PAUSE


def test_a_folder_that_takes_no_sockets_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "control").touch()
    with pytest.raises(SiaError, match="takes no sockets"):
        asyncio.run(Control().listen(tmp_path, "r1"))


def test_what_an_agent_is_saying_is_told_to_whoever_asks(tmp_path: Path) -> None:
    async def heard() -> list[Heard]:
        control, live, work = Control(), LiveText(), LiveWork()
        assert await listen(tmp_path, "r1") == Heard(), "no engine"
        await control.listen(tmp_path, "r1")
        control.spoken, control.work = lambda: live.now, lambda: work.with_calls(Calls("m", 2, 7))
        found = [await listen(tmp_path, "r1")]
        with live.of("feedback") as begin:
            begin()("the prompt says nothing ")
            work.tell("answers", 1, 3)
            found.append(await listen(tmp_path, "r1"))
        work.clear()
        found.append(await listen(tmp_path, "r1"))
        control.close()
        return found

    spoken, calls = Spoken("feedback", 24, "the prompt says nothing "), Calls("m", 2, 7)
    quiet = Heard(None, Work(calls=calls))
    assert asyncio.run(heard()) == [quiet, Heard(spoken, Work("answers", 1, 3, calls)), quiet]


def test_an_engine_that_does_not_answer_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def deaf(*_: object) -> None:
        await asyncio.sleep(3600)

    async def heard() -> Heard:
        control = Control()
        monkeypatch.setattr(control_socket, "LISTEN_S", 0.05)
        monkeypatch.setattr(control, "_serve", deaf)
        await control.listen(tmp_path, "r1")
        try:
            return await listen(tmp_path, "r1")
        finally:
            control.close()

    assert asyncio.run(heard()) == Heard()
