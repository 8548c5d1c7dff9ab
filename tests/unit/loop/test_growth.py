"""What a generation costs does not grow with the run: its work is counted early and late in a scripted run."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from domains.contract import Grade
from engine.core.state import State
from engine.evaluation.trial import Answer, GradedAnswer, Trial
from engine.events import types as t
from engine.events.event import Event
from engine.events.reader import Reader
from engine.events.storage import blobs
from engine.loop import launch
from engine.loop.control_socket import Control
from engine.loop.driver import drive
from engine.run.workspace import Workspace
from engine.steps import execution
from harness_repo.objects import Object
from harness_repo.repository import Repository
from tests.playing import small

EARLY, LATE = 4, 12


class Work:
    """Counts what a generation reads, writes and calls."""

    def __init__(self) -> None:
        self.by_generation: dict[int, Counter[str]] = {}
        self._now: Counter[str] = Counter()

    def __call__(self, event: Event, _: State) -> None:
        if event.type == t.GenerationStarted.type:
            self._now = self.by_generation[event.generation] = Counter()

    def add(self, what: str, amount: int = 1) -> None:
        self._now[what] += amount

    def profile(self, _frame: Any, event: str, _function: Any) -> None:
        if event in ("call", "c_call"):
            self._now["calls"] += 1


@contextlib.contextmanager
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[Work]:
    work = Work()
    rows, get, git, has, object_id = Reader.rows, blobs.get, Repository._git, Repository.has, Object.id

    def count_rows(self: Reader, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        found = rows(self, sql, parameters)
        work.add("rows", len(found))
        return found

    def count_blob(connection: Any, name: str) -> bytes:
        work.add("blobs")
        return get(connection, name)

    def count_git(self: Repository, *arguments: str, stdin: str = "", **others: Any) -> str:
        out = git(self, *arguments, stdin=stdin, **others)
        work.add("gits")
        work.add("lines of git", out.count("\n") + stdin.count("\n"))
        return out

    def count_has(self: Repository, object_id: str) -> bool:
        work.add("objects looked up")
        return has(self, object_id)

    def count_id(self: Object) -> str:
        work.add("objects named")
        return str(object_id.fget(self))  # type: ignore[attr-defined]

    monkeypatch.setattr(Reader, "rows", count_rows)
    monkeypatch.setattr(blobs, "get", count_blob)
    monkeypatch.setattr(Repository, "_git", count_git)
    monkeypatch.setattr(Repository, "has", count_has)
    monkeypatch.setattr(Object, "id", property(count_id))
    before = sys.getprofile()
    sys.setprofile(work.profile)
    try:
        yield work
    finally:
        sys.setprofile(before)


async def _graded(_evaluation: object, todo: Sequence[Trial], _prepared: object = None) -> AsyncIterator[GradedAnswer]:
    """In place of sandboxes: what one evaluation costs is not the question here."""
    for trial in todo:
        yield GradedAnswer(Answer(trial, 0, None, 0.0, 0.0, ""), Grade(score=trial.seed % 7 / 10))


def test_a_late_generation_costs_what_an_early_one_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "script.toml"
    script.write_text("".join(f'[[decision]]\nfiles = {{"note.txt" = "{n}"}}\n' for n in range(LATE)))
    monkeypatch.setattr(execution, "evaluate", _graded)

    async def go(work: Work) -> None:
        chosen = launch.Options(
            domain=small(tmp_path / "toy"), workers=2, generations=LATE + 1, seed=5, agent=f"script:{script}"
        )
        planned = await launch.plan(chosen, lambda _: None)
        async with launch.start(Workspace(tmp_path / "w"), planned, [work]) as run:
            await drive(run, Control())
            assert (run.state.generation, run.late) == (LATE + 1, [])

    async def again() -> Counter[str]:
        read: Counter[str] = Counter()
        event_of = Reader._event

        def count(self: Reader, row: tuple[Any, ...]) -> Event:
            event = event_of(self, row)
            read[event.type] += 1
            return event

        monkeypatch.setattr(Reader, "_event", count)
        more = functools.partial(msgspec.structs.replace, generations=LATE + 2)
        async with launch.reopen(Workspace(tmp_path / "w"), "last", workers=2, report=lambda _: None, change=more):
            return read

    with counted(monkeypatch) as work:
        asyncio.run(go(work))
    assert asyncio.run(again())["generation.finished"] == LATE + 1, "a resume reads the history once"
    early, late = work.by_generation[EARLY], work.by_generation[LATE]
    assert set(early) == {"rows", "blobs", "gits", "lines of git", "objects looked up", "objects named", "calls"}
    assert {what: late[what] for what in early if what != "calls"} == {
        what: early[what] for what in early if what != "calls"
    }
    assert early["gits"] == 4  # two for the version, two for the verdict
    assert late["calls"] < 1.05 * early["calls"]
