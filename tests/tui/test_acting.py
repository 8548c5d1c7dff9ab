"""What is done in the app is done by engines of their own, and ends as the events that the command line writes."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
from textual.app import App
from textual.pilot import Pilot
from textual.widgets import Input, Static

from engine.core.state import fold
from engine.events import types as t
from engine.events.log import RunLog
from engine.events.reader import Reader
from sia_tui.app.actions.places import attach
from sia_tui.app.actions.run_control import _remove_once_recorded
from sia_tui.app.screens.harness_editor import HarnessEditor
from sia_tui.app.screens.main import MainScreen
from sia_tui.app.widgets.lines import Lines
from tests.fakes.anthropic_server import AnthropicServer
from tests.playing import SAID, environment, play_talk, small
from tests.story import TOY, sia, story
from tests.tui.conftest import Opened, settle

pytestmark = pytest.mark.asyncio
PATIENCE_S = 90.0


async def until(holds: Callable[[], object], what: str = "") -> None:
    """Waits on a condition."""
    async with asyncio.timeout(PATIENCE_S):
        while not holds():
            await asyncio.sleep(0.05)


def command(workspace: Path, *arguments: str) -> None:
    """The same thing from the command line."""
    done = subprocess.run(sia(workspace, *arguments), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def types(workspace: Path, reference: str) -> list[str]:
    """The events of a run by type; results may come in any order, and are not named."""
    with contextlib.closing(Reader.open(workspace / "events.db")) as reader:
        history = reader.history(reader.find(reference).run)
        return [event.type for event in history if event.type not in ("instance.finished", "budget.warned")]


def state(workspace: Path, reference: str = "last") -> Any:
    """The state of a run."""
    with contextlib.closing(Reader.open(workspace / "events.db")) as reader:
        return fold(reader.history(reader.find(reference).run))


async def fill(pilot: Pilot[None], **values: str) -> None:
    """Changes fields of the form that is open, and accepts it."""
    await settle(pilot)
    labels = {str(one.render()).strip().removeprefix("• ").strip(): one.id for one in pilot.app.screen.query("Static")}
    for name, value in values.items():
        at = str(labels[name]).removeprefix("label-")
        pilot.app.screen.query_one(f"#field-{at}").value = value  # type: ignore[attr-defined]
    await pilot.press("ctrl+s")
    await settle(pilot)


def beside(pilot: Pilot[None], name: str) -> str:
    """What stands beside the field of the form that is open."""
    fields = [str(one.render()).strip(" •") for one in pilot.app.screen.query(".label").results(Static)]
    return str(pilot.app.screen.query_one(f"#beside-{fields.index(name)}", Static).render())


async def rest(main: MainScreen, workspace: Path, name: str, status: str = "finished") -> None:
    """Until the app itself says that the run is no longer running."""
    await until(lambda: main.navigator.cursor is not None and main.navigator.cursor.snapshot.state.name == name, name)
    await until(lambda: main.navigator.status == status)
    assert state(workspace, name).status == status


async def start(pilot: Pilot[None], **values: str) -> None:
    """A new run on the toy, from its form."""
    await pilot.press("n")
    await settle(pilot)
    pilot.app.screen.query_one(Input).value = str(TOY)
    await pilot.press("enter")
    await fill(pilot, **values)


@pytest.mark.slow
async def test_a_run_a_branch_and_a_fork_are_those_of_the_command_line(tmp_path: Path, opened: Opened) -> None:
    app, plain = tmp_path / "app", tmp_path / "plain"
    async with opened(app) as (pilot, main):
        await start(pilot, generations="2", name="one")
        await rest(main, app, "one")
        await pilot.press("1", "b")
        await fill(pilot, name="two", seed="7")
        await rest(main, app, "two")
        attach(main, state(app, "one").run)
        await pilot.press("colon")
        await settle(pilot)
        await pilot.press("5", "enter")
        await settle(pilot)
        await pilot.press("f")
        await fill(pilot, name="three", **{"gate.alpha": "0.02"})
        await rest(main, app, "three")
        attach(main, state(app, "one").run)
        await settle(pilot)
        await pilot.press("U")
        await settle(pilot)
        await pilot.press("y")
        await until(lambda: main.navigator.cursor is not None and main.navigator.cursor.snapshot.state.tested)
    command(plain, "run", str(TOY), "--generations", "2", "--name", "one", "--headless")
    command(plain, "branch", "one", "--generation", "1", "--name", "two", "--set", "seed=7", "--headless")
    command(plain, "fork", "one", "--at", "5", "--name", "three", "--set", "gate.alpha=0.02", "--headless")
    command(plain, "test", "one", "--headless")
    for name in ("one", "two", "three"):
        assert story(app, name) == story(plain, name)
        assert types(app, name) == types(plain, name)


async def test_what_an_engine_refuses_is_said_in_its_own_words(tmp_path: Path, opened: Opened) -> None:
    async with opened(tmp_path) as (pilot, _):
        await start(pilot, generations="0")
        await until(lambda: "1 to 1000000 generations" in beside(pilot, "generations"))
        assert not pilot.app._notifications and not (tmp_path / "events.db").exists()
        await pilot.press("escape")


@pytest.mark.slow
async def test_a_waiting_candidate_is_declined_edited_and_approved(tmp_path: Path, opened: Opened) -> None:
    async with opened(tmp_path) as (pilot, main):
        await start(pilot, generations="3", approve="harness", name="asked")

        async def waits(number: int) -> None:
            await until(
                lambda: main.navigator.cursor is not None and main.navigator.cursor.snapshot.state.awaiting == number
            )
            await pilot.press("a")
            await settle(pilot)

        await waits(2)
        await pilot.press("n")
        await settle(pilot)
        await pilot.press(*"no", "enter")
        await until(
            lambda: main.navigator.cursor is not None and main.navigator.cursor.snapshot.state.declined
        )  # the app has seen it
        await waits(2)
        await pilot.press("e")
        await settle(pilot)
        edit = pilot.app.screen
        assert isinstance(edit, HarnessEditor)
        (edit.folder / "params.toml").write_text('method = "rule"\nskill = 6\n')
        await until(lambda: any("skill = 6" in row.text for row in edit.query_one(Lines).rows))
        await pilot.press("f")
        await until(lambda: state(tmp_path).versions.get(2) and state(tmp_path).versions[2].author == "person")
        await waits(3)
        await until(lambda: not edit.folder.exists())  # the engine has read it
        await pilot.press("y")
        await rest(main, tmp_path, "asked")
    words = [
        event.payload.answer  # type: ignore[attr-defined]
        for event in _history(tmp_path, "asked")
        if event.type == "approval.given"
    ]
    assert words == ["no", "edit", "yes"]


def _history(workspace: Path, reference: str) -> list[Any]:
    with contextlib.closing(Reader.open(workspace / "events.db")) as reader:
        return list(reader.history(reader.find(reference).run))


def engine_of(workspace: Path) -> psutil.Process:
    """The engine that works in a workspace."""
    for one in psutil.process_iter(["cmdline"]):
        line = one.info["cmdline"] or []
        if str(workspace) in line and "--announce-fd" in line:
            return one
    raise AssertionError("no engine")


@pytest.mark.slow
async def test_an_engine_that_is_killed_is_seen_and_its_run_gone_on_with(tmp_path: Path, opened: Opened) -> None:
    async with opened(tmp_path) as (pilot, main):
        await start(pilot, generations="3", approve="harness", name="killed")
        await until(lambda: main.navigator.cursor is not None and main.navigator.cursor.snapshot.state.awaiting == 2)
        engine_of(tmp_path).kill()
        await until(lambda: main.navigator.status == "interrupted")
        await until(lambda: "Engine died" in str(main.breadcrumbs.render()))
        assert "p to resume" in str(main.breadcrumbs.render())
        await pilot.press("p")
        await until(lambda: main.navigator.status == "running")
        await until(lambda: main.navigator.cursor is not None and main.navigator.cursor.snapshot.state.awaiting == 2)
        await pilot.press("p")  # asks the live engine to pause
        await until(lambda: main.navigator.status == "paused")
        await pilot.press("p")
        await until(lambda: main.navigator.status == "running")
        await until(lambda: main.navigator.cursor is not None and main.navigator.cursor.snapshot.state.awaiting == 2)
        await pilot.press("S")
        await settle(pilot)
        await pilot.press("y")
        await until(lambda: main.navigator.status == "stopped")


async def test_the_form_of_a_new_run_shows_the_users_settings(
    tmp_path: Path, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIA_AGENT", "claude")
    monkeypatch.setenv("SIA_BUDGET__USD", "2.5")
    async with opened(tmp_path) as (pilot, _):
        await pilot.press("n")
        await settle(pilot)
        pilot.app.screen.query_one(Input).value = str(TOY)
        await pilot.press("enter")
        await settle(pilot)
        values = {field.value for field in pilot.app.screen.query(Input)}
        hints = "".join(str(one.render()) for one in pilot.app.screen.query(".beside").results(Static))
        assert "claude" in values and "2.5, from your settings" in hints and "search" not in values


async def test_settings_that_cannot_be_read_are_told_and_the_app_goes_on(tmp_path: Path, opened: Opened) -> None:
    async with opened(tmp_path) as (pilot, main):
        (tmp_path / "sia.toml").write_text("agent = 7\n")
        told: list[str] = []
        main.notify = lambda message, **_: told.append(message)  # type: ignore[assignment]
        await pilot.press("n")
        await settle(pilot)
        assert pilot.app.screen is main and "agent" in told[0], told


async def test_killing_the_app_leaves_the_run_alone_and_the_next_app_attaches(tmp_path: Path, opened: Opened) -> None:
    script = (
        "import asyncio, os, sys\n"
        "from pathlib import Path\n"
        "from engine.run.workspace import Workspace\n"
        "from sia_tui.app.app import SiaApp\n"
        "from sia_tui.app.actions.engine_start import start_engine\n"
        "async def main():\n"
        "    app = SiaApp(Workspace(Path(sys.argv[1])), shipped=False)\n"
        "    async with app.run_test() as pilot:\n"
        "        await pilot.pause()\n"
        "        arguments = ['run', sys.argv[2], '--approve', 'harness', '--generations', '2', '--name', 'alive']\n"
        "        assert await start_engine(app.main, arguments)\n"
        "        os.write(1, b'started\\n')  # the app holds back what is printed\n"
        "        await asyncio.sleep(600)\n"
        "asyncio.run(main())\n"
    )
    app = subprocess.Popen([sys.executable, "-c", script, str(tmp_path), str(TOY)], stdout=subprocess.PIPE, text=True)
    assert app.stdout is not None
    assert (await asyncio.to_thread(app.stdout.readline)) == "started\n"
    os.kill(app.pid, signal.SIGKILL)
    app.wait()
    async with opened(tmp_path) as (pilot, main):
        assert main.navigator.cursor is not None
        assert main.navigator.cursor.snapshot.state.name == "alive"
        await until(lambda: main.navigator.status == "running")
        await until(lambda: main.navigator.cursor is not None and main.navigator.cursor.snapshot.state.awaiting == 2)
        await pilot.press("a")
        await settle(pilot)
        await pilot.press("y")
        await rest(main, tmp_path, "alive")


async def test_an_editor_in_which_nothing_was_changed_leaves_no_folder_behind() -> None:
    async with App[None]().run_test() as pilot:
        editor = HarnessEditor("candidate 1", {"agent.py": b""}, "Fork with it")
        await pilot.app.push_screen(editor)
        await pilot.press("escape")
        await until(lambda: not editor.is_attached)
    assert not editor.folder.exists()


@pytest.mark.slow
async def test_an_edited_harness_becomes_the_next_candidate_of_a_fork(tmp_path: Path, opened: Opened) -> None:
    async with opened(tmp_path) as (pilot, main):
        await start(pilot, generations="2", name="one")
        await rest(main, tmp_path, "one")
        await pilot.press("escape", "e")
        await settle(pilot)
        assert isinstance(pilot.app.screen, HarnessEditor)
        (pilot.app.screen.folder / "params.toml").write_text('method = "rule"\nskill = 8\n')
        await pilot.press("f")
        await fill(pilot, name="mine")
        await rest(main, tmp_path, "mine")
    made = state(tmp_path, "mine")
    assert made.versions[3].author == "person"
    assert made.of(3).execution is not None, "one more generation is offered, so that the edited harness is executed"


@pytest.mark.slow
async def test_a_sealed_run_is_branched_into_the_workspace(tmp_path: Path, opened: Opened) -> None:
    made, home = tmp_path / "made", tmp_path / "home"
    command(made, "run", str(TOY), "--generations", "2", "--name", "one", "--headless")
    command(made, "export", "one", "-o", str(tmp_path / "one.sia"))
    async with opened(home, files=(tmp_path / "one.sia",)) as (pilot, main):
        assert main.navigator.cursor is not None
        assert main.navigator.cursor.source.sealed
        assert "sealed" in main.unavailable("pause")
        await pilot.press("1", "b")
        await fill(pilot, name="two", generations="2")
        await rest(main, home, "two")


@pytest.mark.slow
async def test_a_question_to_the_agent_opens_the_page_of_its_answer(
    tmp_path: Path, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("anthropic", reason="the extra agents is not installed")
    workspace = tmp_path / "w"
    with AnthropicServer(play_talk) as server:
        for name in ("ANTHROPIC_BASE_URL", "ANTHROPIC_API_KEY"):
            monkeypatch.setenv(name, environment(server.url)[name])
        claude = ("--agent", "claude", "--seed-harness", "--generations", "1", "--name", "asked")
        command(workspace, "run", small(tmp_path / "times7"), *claude)
        async with opened(workspace) as (pilot, main):
            await pilot.press("K")
            await settle(pilot)
            pilot.app.screen.query_one(Input).value = "what do the failures have in common?"
            await pilot.press("enter")
            await until(lambda: "run.talked" in types(workspace, "asked"))
            await until(lambda: SAID in "\n".join(row.text for row in main.inspector.rows))
            assert "what do the failures have in common?" in "\n".join(row.text for row in main.inspector.rows)
    assert state(workspace, "asked").status == "finished"


async def test_the_agent_of_new_runs_is_chosen_and_written_to_the_user_s_own_settings(
    tmp_path: Path, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    program = tmp_path / "agent.py"
    program.write_text("print('ready')")
    own = tmp_path / "config" / "sia" / "sia.toml"
    workspace = tmp_path / "w"
    command(workspace, "run", small(tmp_path / "times7"), "--generations", "1", "--name", "one")
    async with opened(workspace) as (pilot, _):
        await pilot.press("E")
        await until(lambda: pilot.app.screen.query(Input))
        assert "search: free; ready" in "\n".join(str(one.render()) for one in pilot.app.screen.query(Static))
        await fill(pilot, agent="nobody")
        await until(lambda: "there is no agent 'nobody'" in beside(pilot, "agent"))
        assert not own.exists()
        await fill(pilot, agent=f"command:{sys.executable} {program}")
        await until(own.exists)
    assert own.read_text() == f'agent = "command:{sys.executable} {program}"\n'


@pytest.mark.parametrize(("answer", "stays"), [("edit", False), ("no", True)])
async def test_an_edit_stays_where_somebody_elses_answer_came_first(
    played: Path, tmp_path: Path, answer: t.Answer, *, stays: bool
) -> None:
    folder = tmp_path / "edit"
    folder.mkdir()
    said: list[str] = []
    with contextlib.closing(RunLog.hold(played, "r1")) as log:
        head = log.append([(3, t.ApprovalGiven(4, "c", answer, "somebody"))])[-1].n - 1
    with contextlib.closing(Reader.open(played / "events.db")) as reader:
        cursor = SimpleNamespace(source=SimpleNamespace(reader=reader), run_id="r1")
        main = SimpleNamespace(notify=lambda text, **_: said.append(text))
        await _remove_once_recorded(main, cursor, head, str(folder))  # type: ignore[arg-type]
    assert folder.exists() == stays
    assert said == ([f"The edited files stay in {folder}"] if stays else [])
