"""Runs of a lineage share one account of error through the log of their workspace, and each replays alone."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from engine.core.account import Account
from engine.core.replay import verify
from engine.core.state import fold
from engine.events import types as t
from engine.events.log import Held, RunLog
from engine.events.reader import Reader
from engine.events.seal import seal
from engine.loop.control_socket import Control
from engine.loop.driver import drive
from engine.loop.fork import ForkPlan, fork, gate_event
from engine.run.account import LineageAccount, known
from engine.run.workspace import Workspace
from engine.steps import gate
from engine.transfer.removal import remove
from engine.transfer.run_import import import_run
from tests.histories import Play, settings, started
from tests.story import sia

GATE = t.Gate()


def noise(number: int, instance: str) -> float:
    return random.Random(f"{number} {instance}").random()


class Engine(Play):
    """A made-up run that judges as an engine does: with what the log knows of its lineage."""

    def __init__(self, log: RunLog, **options: object) -> None:
        self.account = LineageAccount(log.reader, log.run)
        super().__init__(log, skill=lambda n, instance: noise(n, f"{log.run} {instance}"), **options)  # type: ignore[arg-type]

    def append(
        self, generation: int, *payloads: t.Payload, guard: Callable[[], None] | None = None, **more: object
    ) -> None:  # type: ignore[override]
        if guard is None:
            super().append(generation, *payloads, **more)  # type: ignore[arg-type]
        else:
            for event in self.log.append([(generation, one) for one in payloads], guard=guard):  # type: ignore[call-arg]
                self.take(event)

    def judge(self, generation: int) -> None:
        gate.apply(self, generation)  # type: ignore[arg-type]


@pytest.fixture
def parent(workspace: Path) -> Workspace:
    """A workspace with a run `r1` of five generations, none of them better."""
    place = Workspace(workspace)
    place.create()
    with contextlib.closing(RunLog.hold(workspace, "r1")) as log:
        Engine(log, first=started(settings(generations=5))).to_rest()
    return place


def forked(place: Workspace, parent: str = "r1", generation: int = 1) -> str:
    with contextlib.closing(place.reader()) as reader:
        at = gate_event(reader, reader.find(parent), generation)
    return fork(place, ForkPlan(parent, at))


def played(place: Workspace, run: str) -> Account:
    with contextlib.closing(RunLog.hold(place.path, run)) as log:
        return Engine(log, history=list(log.reader.history(run))).to_rest().account


def payloads(place: Workspace, run: str) -> list[t.Payload]:
    with contextlib.closing(place.reader()) as reader:
        return [event.payload for event in reader.own(run)]


def replays(path: Path, run: str) -> bool:
    with contextlib.closing(Reader.open(path)) as reader:
        return verify(reader, run).identical


def test_a_fork_draws_from_what_its_parent_left(parent: Workspace, tmp_path: Path) -> None:
    child = forked(parent)
    account = played(parent, child)
    assert account.judged == 8 and account.left(GATE) == pytest.approx(0.0)  # 4 at 0.01, then 0.01, then nothing
    (news,) = [one for one in payloads(parent, child) if isinstance(one, t.AccountRead)]
    assert len(news.spent) == 4 and sum(news.spent.values()) == pytest.approx(0.04)
    spent = [one.spent for one in payloads(parent, child) if isinstance(one, t.GateDecided)]
    assert spent == pytest.approx([0.01, 0.0, 0.0, 0.0])
    with contextlib.closing(parent.reader()) as reader:
        seal(reader, reader.find(child), tmp_path / "child.sia", data=False, made_by="tests")
    assert replays(parent.log, "r1") and replays(parent.log, child) and replays(tmp_path / "child.sia", child)


def test_the_shared_prefix_counts_once(parent: Workspace) -> None:
    child = forked(parent, generation=3)
    (news,) = [
        one for _ in [played(parent, child)] for one in payloads(parent, child) if isinstance(one, t.AccountRead)
    ]
    assert len(news.spent) == 2  # generations 4 and 5 of the parent; 2 and 3 are in the fork's own history


def test_another_root_has_an_account_of_its_own(parent: Workspace) -> None:
    with contextlib.closing(RunLog.hold(parent.path, "r2")) as log:
        account = Engine(log, first=started(settings(generations=3))).to_rest().account
    assert account.judged == 2
    assert not [one for one in payloads(parent, "r2") if isinstance(one, t.AccountRead)]


def test_what_a_removed_fork_spent_is_remembered_by_those_who_read_it(parent: Workspace) -> None:
    first, second = forked(parent), forked(parent)
    played(parent, first)
    played(parent, second)
    remove(parent, first)
    third = forked(parent)
    assert played(parent, third).judged == 16


def left(place: Workspace, run: str = "r1") -> tuple[int, float]:
    """How many candidates a run's lineage has judged, and what is left, as `show` says it; the run replays."""
    with contextlib.closing(place.reader()) as reader:
        assert verify(reader, run).identical
        spent = known(reader, fold(reader.history(run)))
    return spent.judged, pytest.approx(spent.left(GATE), abs=1e-12)


def test_what_a_removed_run_spent_stays_spent(parent: Workspace) -> None:
    child = forked(parent)
    played(parent, child)
    before = left(parent)
    assert before == (8, 0.0)
    remove(parent, child)
    assert left(parent) == before
    assert played(parent, forked(parent)).judged == 12
    (told,) = [one for one in payloads(parent, "r1") if isinstance(one, t.AccountRead)]
    assert (len(told.spent), told.removed) == (4, "toy-1.1")


def test_of_a_chain_of_removed_runs_all_stays_spent(parent: Workspace, tmp_path: Path) -> None:
    child = forked(parent)
    played(parent, child)
    grandchild = forked(parent, child, 2)
    played(parent, grandchild)
    before = left(parent)
    remove(parent, grandchild)
    assert left(parent) == left(parent, child) == before
    remove(parent, child)
    assert left(parent) == before
    with contextlib.closing(parent.reader()) as reader:
        seal(reader, reader.find("r1"), tmp_path / "r1.sia", data=False, made_by="tests")
    (elsewhere := Workspace(tmp_path / "elsewhere")).create()
    import_run(elsewhere, tmp_path / "r1.sia")
    assert left(elsewhere) == before
    remove(parent, "r1")
    with contextlib.closing(parent.reader()) as reader:
        assert reader.runs() == []


def test_a_removal_says_nothing_that_another_run_has_read(parent: Workspace) -> None:
    first, second = forked(parent), forked(parent)
    played(parent, first)
    played(parent, second)
    before = left(parent)
    remove(parent, first)
    assert left(parent) == before and not [one for one in payloads(parent, "r1") if isinstance(one, t.AccountRead)]
    remove(parent, second)
    assert left(parent) == before


def test_a_removal_that_was_killed_gives_nothing_back_and_counts_nothing_twice(
    parent: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    child = forked(parent)
    played(parent, child)
    before = left(parent)
    with monkeypatch.context() as killed:
        killed.setattr("engine.transfer.removal.delete_run", lambda *_: 1 // 0)
        with pytest.raises(ZeroDivisionError):
            remove(parent, child)
    assert left(parent) == left(parent, child) == before
    remove(parent, child)
    assert left(parent) == before
    assert len([one for one in payloads(parent, "r1") if isinstance(one, t.AccountRead)]) == 1


def test_a_live_run_records_what_a_removed_fork_spent(parent: Workspace) -> None:
    child = forked(parent)
    played(parent, child)
    before = left(parent)

    async def go(log: RunLog) -> None:
        state = fold(log.reader.history("r1"))
        run = SimpleNamespace(
            state=state, append=lambda g, payload: log.append([(g, payload)]), refs=SimpleNamespace(point=id)
        )
        control = Control()
        await control.listen(parent.path, "r1")
        try:
            with pytest.raises(Held, match=r"which has to record what toy-1\.1 has judged"):
                await asyncio.to_thread(remove, parent, child)
            await drive(run, control)  # type: ignore[arg-type]
            await asyncio.to_thread(remove, parent, child)
        finally:
            control.close()

    with contextlib.closing(RunLog.hold(parent.path, "r1")) as log:
        asyncio.run(go(log))
    assert left(parent) == before
    assert payloads(parent, "r1")[-1].live  # type: ignore[attr-defined]


@pytest.mark.parametrize(("live", "counted"), [(True, 5.0), (False, 0.0)])
def test_the_time_until_a_removal_counts_where_an_engine_was_at_work(
    workspace: Path, live: bool, counted: float
) -> None:
    now = [0]
    with contextlib.closing(RunLog.hold(workspace, "r1", lambda: now[0])) as log:
        log.append([(0, started()), (0, t.StepStarted("baseline", 1))])
        now[0] = 5_000_000
        log.append([(0, t.AccountRead({"a" * 16: 0.01}, removed="toy-2", live=live))])
        assert fold(log.reader.history("r1")).spent.seconds == pytest.approx(counted, abs=0.5)
    assert replays(workspace / "events.db", "r1")


def test_two_runs_that_judge_at_once_spend_one_after_the_other(
    parent: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = forked(parent), forked(parent)
    honest = gate.judge

    def interrupted(*arguments: object) -> object:
        monkeypatch.setattr(gate, "judge", honest)
        decided = honest(*arguments)  # type: ignore[arg-type]
        played(parent, first)  # meanwhile, in another process
        return decided

    monkeypatch.setattr(gate, "judge", interrupted)
    account = played(parent, second)
    assert account.judged == 12 and account.left(GATE) == pytest.approx(0.0, abs=1e-12)
    assert sum(account.spent.values()) == pytest.approx(0.05)
    assert replays(parent.log, first) and replays(parent.log, second)


def test_old_rules_have_no_account(workspace: Path) -> None:
    from msgspec.structs import replace

    place = Workspace(workspace)
    place.create()
    with contextlib.closing(RunLog.hold(workspace, "r1")) as log:
        Engine(log, first=replace(started(settings(generations=3)), rules=3)).to_rest()
    child = forked(place)
    assert played(place, child) == Account()
    assert not [one for one in payloads(place, child) if isinstance(one, t.AccountRead)]
    assert replays(place.log, child)
    before = payloads(place, "r1")
    remove(place, child)
    assert payloads(place, "r1") == before


def test_show_tells_what_the_whole_lineage_has_spent(parent: Workspace) -> None:
    played(parent, forked(parent))
    command = sia(parent.path, "show", "r1")
    shown = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    assert "this lineage has judged 8 candidates on these 12 instances; 0 of 0.05 is left" in shown
    facts = json.loads(subprocess.run([*command, "--json"], capture_output=True, timeout=60, check=True).stdout)
    assert "one more generation can claim no gain: the error that the lineage may risk is spent" in shown
    assert facts["account"] == {"judged": 8, "instances": 12, "error": 0.05, "left": 0.0}
    assert [one["beyond"] for one in facts["generations"]] == [False] * 5


def test_what_a_forged_run_says_it_spent_gives_nothing_back(parent: Workspace) -> None:
    child = forked(parent)
    lies = {"a" * 16: -1.0, "b" * 16: 7.0, "no name": 0.01, "c" * 16: 0.001}
    with contextlib.closing(RunLog.hold(parent.path, child)) as log:
        log.append([(2, t.AccountRead(lies))])
    honest = forked(parent)
    account = played(parent, honest)
    assert account.spent["c" * 16] == 0.001 and not account.spent.keys() & (lies.keys() - {"c" * 16})
    assert replays(parent.log, honest)
