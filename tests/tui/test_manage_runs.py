"""Runs are listed, sorted, renamed, noted, exported, imported, checked out and deleted in the app."""

from __future__ import annotations

import contextlib
import itertools
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner
from textual.pilot import Pilot
from textual.widgets import Static

from engine.events import types as t
from engine.events.log import RunLog
from engine.events.reader import Reader
from engine.loop.fork import ForkPlan, fork
from engine.run.workspace import Workspace
from engine.transfer.export import export_run
from engine.transfer.removal import remove
from sia_tui.app.keys import NAMED
from sia_tui.app.palette import Everything
from sia_tui.app.screens.dialogs import Confirm
from sia_tui.app.screens.form import Form
from sia_tui.app.screens.main import MainScreen
from sia_tui.app.screens.run_list import RunList
from sia_tui.app.widgets.lines import Lines
from sia_tui.main import cli
from tests.histories import Play, settings, started
from tests.tui.conftest import Opened, settle, texts, until

pytestmark = pytest.mark.asyncio


@pytest.fixture
def two(played: Path) -> Path:
    """The workspace of `played` with a second, younger and worse run."""
    seconds = itertools.count(1_700_500_000_000_000, 1_000_000)
    with contextlib.closing(RunLog.hold(played, "r2", clock=lambda: next(seconds))) as log:
        first = msgspec.structs.replace(started(settings(generations=1, agent="search")), name="toy-2")
        Play(log, first, skill=lambda *_: 0.25).to_rest()
    return played


def named(workspace: Path) -> dict[str, str]:
    """The names of the runs by id."""
    with contextlib.closing(Reader.open(workspace / "events.db")) as reader:
        return {run.run: run.name for run in reader.runs()}


async def press(pilot: Pilot[None], *keys: str) -> None:
    for key in keys:
        await pilot.press(key)
        await settle(pilot)


async def on_list(pilot: Pilot[None], *keys: str) -> None:
    """Keys in the list of runs, with the cursor on the first run."""
    if not isinstance(pilot.app.screen, RunList):
        await press(pilot, "L")
    assert isinstance(pilot.app.screen, RunList)
    await press(pilot, "g", *keys)


def runs(pilot: Pilot[None]) -> list[str]:
    """The names in the list of runs, in order."""
    return [line.split()[0] for line in texts(pilot.app.screen.query_one(Lines).rows)]


async def fill(pilot: Pilot[None], main: MainScreen, value: str) -> None:
    """Types into the first line of the form and accepts it."""
    await until(pilot, lambda: isinstance(pilot.app.screen, Form))
    form = pilot.app.screen
    pilot.app.screen.query_one("#field-0").value = value  # type: ignore[attr-defined]
    await pilot.press("ctrl+s")
    await until(pilot, lambda: pilot.app.screen is not form)


@pytest.mark.parametrize("size", [(80, 24), (160, 50)])
async def test_the_list_says_what_each_run_is_and_sorts_by_any_column(
    two: Path, opened: Opened, size: tuple[int, int]
) -> None:
    async with opened(two, size=size) as (pilot, main):
        await press(pilot, "L")
        first, second = texts(pilot.app.screen.query_one(Lines).rows)
        assert first.split() == ["toy-2", "toy", "20", "Nov", "17:06", "finished", "0.2500", *first.split()[-2:]]
        assert second.split()[:2] == ["toy-1", "toy"] and "..." not in first + second
        assert all(len(line) <= size[0] - 2 for line in (first, second))
        orders = {}
        for _ in range(7):
            await press(pilot, "s")
            head = str(pilot.app.screen.query_one("#columns", Static).render()).split()
            (column,) = [name for name, arrow in itertools.pairwise(head) if arrow in "▲▼"]
            orders[column] = runs(pilot)
        assert orders["name"] == orders["best"] == orders["evals"] == ["toy-1", "toy-2"]
        assert orders["started"] == ["toy-2", "toy-1"] and len(orders) == 7
        await press(pilot, "S")
        assert runs(pilot) == ["toy-1", "toy-2"]
        await press(pilot, "g", "enter")
        assert pilot.app.screen is main and main.navigator.cursor is not None
        assert main.navigator.cursor.run_id == "r1"


async def test_the_list_counts_on_while_it_is_open(two: Path, opened: Opened) -> None:
    def evaluations(pilot: Pilot[None]) -> int:
        first, *_ = texts(pilot.app.screen.query_one(Lines).rows)
        return int(first.split()[-2])

    async with opened(two) as (pilot, _):
        await press(pilot, "L")
        before = evaluations(pilot)
        with contextlib.closing(RunLog.hold(two, "r2")) as log:
            log.append([(1, t.InstanceFinished("h", "val", f"more-{number}", 0, 1, "p", 1.0)) for number in range(3)])
        await until(pilot, lambda: evaluations(pilot) == before + 3)


async def test_a_run_that_one_comes_back_to_has_gone_on(two: Path, opened: Opened) -> None:
    async with opened(two) as (pilot, main):
        await on_list(pilot, "enter")
        cursor = main.navigator.cursor
        assert cursor is not None and cursor.run_id == "r2"
        before = cursor.head
        await on_list(pilot, "j", "enter")
        assert main.navigator.cursor is not cursor
        with contextlib.closing(RunLog.hold(two, "r2")) as log:
            log.append([(1, t.RunNoted("meanwhile"))])
        main._tick()
        await on_list(pilot, "enter")
        assert main.navigator.cursor is cursor and cursor.n == before + 1
        assert "meanwhile" in texts(main.timeline.rows)[-1]


async def test_a_run_that_waits_is_listed_as_such(two: Path, opened: Opened) -> None:
    with contextlib.closing(RunLog.hold(two, "r3")) as log:
        first = msgspec.structs.replace(started(settings(generations=3, approve="harness")), name="toy-3")
        Play(log, first, absent=True).to_rest()
        async with opened(two) as (pilot, _):
            await press(pilot, "L")
            lines = texts(pilot.app.screen.query_one(Lines).rows)
            (line,) = [one for one in lines if one.split()[0] == "toy-3"]
            assert " waits " in line
        listed = CliRunner().invoke(cli, ["ls", "--workspace", str(two)])
        assert "waits for you" in listed.output


@pytest.mark.parametrize("size", [(80, 24), (160, 50)])
async def test_forks_stand_below_their_parent_and_fold(two: Path, opened: Opened, size: tuple[int, int]) -> None:
    place = Workspace(two)
    child = fork(place, ForkPlan("r1", 30, name="child"))
    fork(place, ForkPlan(child, 31, name="grandchild"))
    async with opened(two, size=size) as (pilot, _):
        await press(pilot, "L")
        lines = texts(pilot.app.screen.query_one(Lines).rows)
        assert [line.split()[0] for line in lines] == ["toy-2", "toy-1", "└", "└"]
        assert "grandchild" in lines[3] and lines[3].index("└") > lines[2].index("└")
        await press(pilot, "g", "j", "O")
        lines = texts(pilot.app.screen.query_one(Lines).rows)
        assert len(lines) == 2 and lines[1].split()[:2] == ["+2", "toy-1"]
        await press(pilot, "s", "O", "j")  # another order; then unfolded, the cursor on the first fork
        assert len(runs(pilot)) == 4
        await press(pilot, "O")  # on a fork without forks of its own: those beside it
        current = pilot.app.screen.query_one(Lines).current
        assert current is not None and len(runs(pilot)) in (2, 3)
        await press(pilot, "escape")


async def test_a_run_is_renamed_noted_and_taken_out_from_the_list(two: Path, opened: Opened, tmp_path: Path) -> None:
    async with opened(two) as (pilot, main):
        await on_list(pilot, "r")
        await fill(pilot, main, "better")
        await until(pilot, lambda: named(two)["r2"] == "better")
        await until(pilot, lambda: runs(pilot)[0] == "better")
        await on_list(pilot, "n")
        await fill(pilot, main, "the data of May")
        await on_list(pilot, "x")
        await fill(pilot, main, str(tmp_path / "r2.sia"))
        assert (tmp_path / "r2.sia").is_file()
        await on_list(pilot, "enter")
        assert "the data of May" in texts(main.inspector.rows)


async def test_a_name_that_is_taken_is_told_at_its_field(two: Path, opened: Opened) -> None:
    async with opened(two) as (pilot, _):
        await on_list(pilot, "r")
        pilot.app.screen.query_one("#field-0").value = "toy-1"  # type: ignore[attr-defined]
        await pilot.press("ctrl+s")
        await until(pilot, lambda: "already has" in str(pilot.app.screen.query_one("#hint", Static).render()))
        assert isinstance(pilot.app.screen, Form) and named(two)["r2"] == "toy-2"
        await press(pilot, "escape", "escape")


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("r", "toy-2", "the name of the run is as it was"),
        ("c", "", "the new folder has no name"),
        ("x", "x" * 300 + ".sia", "the system refuses"),
    ],
)
async def test_a_form_says_what_is_refused_and_changes_nothing(
    two: Path, opened: Opened, key: str, value: str, says: str
) -> None:
    async with opened(two) as (pilot, _):
        await on_list(pilot, key)
        pilot.app.screen.query_one("#field-0").value = value  # type: ignore[attr-defined]
        await pilot.press("ctrl+s")
        await until(pilot, lambda: says in str(pilot.app.screen.query_one("#hint", Static).render()))
        assert isinstance(pilot.app.screen, Form) and named(two)["r2"] == "toy-2"
        await press(pilot, "escape", "escape")


async def test_a_finished_run_is_not_resumed_with_the_limits_that_it_had(two: Path, opened: Opened) -> None:
    async with opened(two) as (pilot, _):
        await press(pilot, "p")
        await until(pilot, lambda: isinstance(pilot.app.screen, Form))
        await pilot.press("ctrl+s")
        says = "nothing is changed, and the run is finished"
        await until(pilot, lambda: says in str(pilot.app.screen.query_one("#hint", Static).render()))
        await press(pilot, "escape")


async def test_deleting_asks_has_no_default_and_leaves_no_trace_on_the_screen(two: Path, opened: Opened) -> None:
    async with opened(two) as (pilot, main):
        await on_list(pilot, "d")
        assert isinstance(pilot.app.screen, Confirm)
        await press(pilot, "enter")
        assert isinstance(pilot.app.screen, Confirm) and len(named(two)) == 2
        await press(pilot, "y")
        await until(pilot, lambda: isinstance(pilot.app.screen, RunList) and runs(pilot) == ["toy-1"])
        assert list(named(two)) == ["r1"]
        await press(pilot, "escape")
        assert main.navigator.cursor is not None and main.navigator.cursor.run_id == "r1"
        await press(pilot, "L", "d", "y")
        await until(pilot, lambda: named(two) == {})
        await press(pilot, "escape", "less_than_sign", "j", "enter", "v")
        assert main.navigator.cursor is None and not any("toy" in line for line in texts(main.lineage.rows))


async def test_the_run_that_is_shown_may_be_deleted_elsewhere(two: Path, opened: Opened) -> None:
    async with opened(two) as (pilot, main):
        assert main.navigator.cursor is not None and main.navigator.cursor.run_id == "r2"
        remove(Workspace(two), "r2")
        await until(pilot, lambda: main.navigator.cursor is not None and main.navigator.cursor.run_id == "r1")
        assert not any("toy-2" in line for line in texts(main.lineage.rows))


async def test_all_of_it_is_in_the_palette(two: Path, opened: Opened) -> None:
    async with opened(two) as (_, main):
        entries = {entry.name: entry.help for entry in Everything(main).entries()}
        assert {key.label for key in NAMED} <= set(entries)
        assert not any("()" in text for text in entries.values())


async def test_a_sealed_run_is_exported_and_not_changed(two: Path, opened: Opened, tmp_path: Path) -> None:
    file, again = tmp_path / "r1.sia", tmp_path / "again.sia"
    with contextlib.closing(Reader.open(two / "events.db")) as reader:
        export_run(reader, reader.find("r1"), file, data=False)
    async with opened(tmp_path / "none", files=(file,)) as (pilot, main):
        for action in ("rename", "note", "delete"):
            assert "sealed" in main.unavailable(action)
        await press(pilot, "L", "x")
        await fill(pilot, main, str(again))
        await press(pilot, "escape")
    assert Workspace(tmp_path / "none").log.is_file() is False and again.is_file()


async def test_a_question_that_nobody_can_answer_is_refused_before_it_is_written(two: Path, opened: Opened) -> None:
    async with opened(two) as (pilot, main):
        await press(pilot, "K")
        await until(pilot, lambda: pilot.app._notifications)
        (note,) = pilot.app._notifications
        assert "is no language model" in note.message and "sia talk" in note.message
        assert pilot.app.screen is main
