"""relink: a task's folder and data may move; what differs from what the run was started with is not taken."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import subprocess
from pathlib import Path

import pytest
from msgspec.structs import replace

from engine import trust
from engine.core import replay
from engine.core.state import State, fold
from engine.errors import SiaError
from engine.events import types as t
from engine.events.log import Held, RunLog
from engine.grading.loader import find
from engine.loop.fork import ForkPlan, fork
from engine.run.domain_session import check_code, describe
from engine.run.workspace import Workspace
from engine.transfer.relink import relink
from tests.histories import started
from tests.story import TOY, sia, story

DATA = """
import json
from pathlib import Path
from domains.contract import Grade, Instance, Summary
class D:
    def __init__(self, data): self.numbers = json.loads((data or Path(__file__).parent / "n.json").read_text())
    def digest(self): return str(self.numbers)
    def title(self): return "numbers"
    def instances(self, split): return [Instance(f"{split}-{n}", n) for n in self.numbers]
    def grade(self, instance, answer): return Grade(0.0)
    def summarise(self, split, graded): return Summary()
    def baselines(self, train, on): return {}
def load(data): return D(data)
"""


def copy(to: Path) -> Path:
    return shutil.copytree(TOY, to, ignore=shutil.ignore_patterns("__pycache__"))


def begun(tmp_path: Path, task: Path, data: Path | None = None) -> Workspace:
    """A workspace with the run `r1`, started on `task`."""
    place = Workspace(tmp_path / "w")
    place.create()
    folder = find(str(task))
    digest, counts, title = asyncio.run(describe(folder, data, print))
    domain = t.DomainRef(
        *("some", folder.source, digest, title, folder.spec.metric, counts),
        code=folder.code_digest(), data=str(data or ""),
    )  # fmt: skip
    with contextlib.closing(RunLog.hold(place.path, "r1")) as log:
        log.append([(0, replace(started(), name="moved", domain=domain))])
    return place


def linked(place: Workspace, folder: Path | None = None, data: Path | None = None) -> t.DomainRef:
    return asyncio.run(relink(place, "moved", print, folder=folder, data=data))


def state(place: Workspace, reference: str = "moved") -> State:
    with contextlib.closing(place.reader()) as reader:
        return fold(reader.history(reader.find(reference).run))


def test_a_folder_that_moved_is_told_of_and_named_anew(tmp_path: Path) -> None:
    place = begun(tmp_path, copy(tmp_path / "old"))
    (tmp_path / "old").rename(tmp_path / "new")
    with pytest.raises(SiaError, match=r"old of the domain some is not there.*sia relink RUN DIR"):
        check_code(state(place).domain)
    linked(place, tmp_path / "new")
    found = state(place).domain
    assert found.source == str(tmp_path / "new")
    assert check_code(found).path == tmp_path / "new"
    assert trust.untrusted(None, [tmp_path / "new"]) == []
    with contextlib.closing(place.reader()) as reader:
        assert replay.verify(reader, "r1").diverged_at is None


def test_a_folder_with_other_code_is_not_taken(tmp_path: Path) -> None:
    place = begun(tmp_path, copy(tmp_path / "old"))
    with (copy(tmp_path / "new") / "domain.py").open("a") as code:
        code.write("# changed\nraise SystemExit\n")
    with pytest.raises(SiaError, match="is not the task of this run: its code differs"):
        linked(place, tmp_path / "new")
    assert state(place).domain.source == str(tmp_path / "old")
    assert trust.untrusted(None, [tmp_path / "new"]) == [tmp_path / "new"]


def test_data_is_named_anew_where_it_is_the_same(tmp_path: Path) -> None:
    task = copy(tmp_path / "task")
    (task / "domain.py").write_text(DATA)
    for name, numbers in (("a", "[1, 2]"), ("b", "[1, 2]"), ("c", "[1, 3]")):
        (tmp_path / f"{name}.json").write_text(numbers)
    place = begun(tmp_path, task, tmp_path / "a.json")
    trust.remember(task)
    (tmp_path / "a.json").unlink()
    with pytest.raises(SiaError, match=r"c\.json does not hold the data of this run"):
        linked(place, data=tmp_path / "c.json")
    assert linked(place, data=tmp_path / "b.json") == state(place).domain
    assert state(place).domain.data == str(tmp_path / "b.json")


def test_code_that_only_the_log_names_is_not_run_to_compare_data(tmp_path: Path) -> None:
    place = begun(tmp_path, copy(tmp_path / "task"))
    (tmp_path / "data").touch()
    with pytest.raises(trust.Untrusted):
        linked(place, data=tmp_path / "data")


def test_a_run_whose_engine_lives_is_not_relinked(tmp_path: Path) -> None:
    place = begun(tmp_path, copy(tmp_path / "task"))
    with contextlib.closing(RunLog.hold(place.path, "r1")), pytest.raises(Held):
        linked(place, tmp_path / "task")


def test_nothing_is_written_where_nothing_moved(tmp_path: Path) -> None:
    place = begun(tmp_path, copy(tmp_path / "task"))
    linked(place, tmp_path / "task")
    with contextlib.closing(place.reader()) as reader:
        assert reader.last_n("r1") == 1


def test_a_fork_from_before_the_move_knows_the_new_place(tmp_path: Path) -> None:
    place = begun(tmp_path, copy(tmp_path / "old"))
    (tmp_path / "old").rename(tmp_path / "new")
    linked(place, tmp_path / "new")
    child = fork(place, ForkPlan("moved", 1))
    assert state(place, child).domain.source == str(tmp_path / "new")
    with contextlib.closing(place.reader()) as reader:
        assert replay.verify(reader, child).diverged_at is None


@pytest.mark.slow
def test_a_run_goes_on_after_its_task_has_moved(tmp_path: Path) -> None:
    def call(*words: str, fails: bool = False) -> str:
        done = subprocess.run(sia(tmp_path / "w", *words), cwd=tmp_path, capture_output=True, text=True, check=False)
        assert (done.returncode != 0) == fails, done.stderr
        return done.stderr if fails else done.stdout

    copy(tmp_path / "old")
    call("run", str(TOY), "--generations", "2", "--name", "whole", "--headless")
    call("run", "old", "--generations", "1", "--name", "moved", "--headless")
    (tmp_path / "old").rename(tmp_path / "new")
    assert "sia relink RUN DIR" in call("resume", "moved", "--generations", "2", "--headless", fails=True)
    assert json.loads(call("relink", "moved", "new", "--json"))["source"] == str(tmp_path / "new")
    call("resume", "moved", "--generations", "2", "--headless")
    decided = [one for one in story(tmp_path / "w", "moved") if one[0] != "run.finished"]
    assert decided == [one for one in story(tmp_path / "w", "whole") if one[0] != "run.finished"]
    assert json.loads(call("replay", "moved", "--verify", "--json"))["identical"]
