"""Claims on calls: one engine of a lineage sends a request, the others find its reply."""

from __future__ import annotations

import asyncio
import contextlib
import os
from pathlib import Path

import pytest

from engine.events import types as t
from engine.events.log import RunLog
from engine.loop.fork import ForkPlan, fork
from engine.models import claims
from engine.models.calling import Caller, CallPolicy, PricedModel
from engine.models.protocol import Reply, Request
from engine.run.live_run import Run
from engine.run.workspace import Workspace
from engine.usage import Usage
from tests.fakes.model import Fake, at, request
from tests.histories import settings, started
from tests.unit.run.test_ledger import NO_PORTS, calls, ledger_of


def test_what_one_holds_others_wait_for(tmp_path: Path) -> None:
    order: list[str] = []

    async def hold(name: str, claim: str) -> None:
        async with claims.held(tmp_path / claims.FILE, claim, 60):
            order.append(f"{name} begins")
            await asyncio.sleep(0)
            order.append(f"{name} ends")

    async def go() -> None:
        await asyncio.gather(hold("a", "same"), hold("b", "same"), hold("c", "other"))

    asyncio.run(go())
    assert order == ["a begins", "c begins", "a ends", "c ends", "b begins", "b ends"]


def test_a_claim_of_an_engine_that_is_suspended_is_not_waited_for_for_ever(tmp_path: Path) -> None:
    async def go() -> None:
        async with claims.held(tmp_path / claims.FILE, "same", 60), claims.held(tmp_path / claims.FILE, "same", 0.01):
            pass

    asyncio.run(asyncio.wait_for(go(), 30))


def test_where_no_file_can_be_locked_there_is_no_claim(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / claims.FILE)

    async def go() -> str:
        async with claims.held(tmp_path / claims.FILE, "same", 60), claims.held(tmp_path / "none" / "x", "same", 60):
            return "went on"

    assert asyncio.run(asyncio.wait_for(go(), 30)) == "went on"


@pytest.fixture
def family(workspace: Path) -> tuple[str, str]:
    """A run within a step, and a fork of it in the same step."""
    with contextlib.closing(RunLog.hold(workspace, "parent")) as log:
        log.append([(0, started(settings())), (1, t.StepStarted("execute", 1))])
    return "parent", fork(Workspace(workspace), ForkPlan("parent", 2))


def test_a_fork_and_its_parent_pay_once_for_what_they_ask_at_the_same_time(
    workspace: Path, family: tuple[str, str]
) -> None:
    async def slow(asked: Request) -> Reply:
        await asyncio.sleep(0.02)
        return Reply("7", "stop", Usage(input=10, output=5))

    async def go() -> tuple[list[Reply], list[list[bool]]]:
        with contextlib.ExitStack() as end:
            runs = []
            for name in family:
                log = end.enter_context(contextlib.closing(RunLog.hold(workspace, name)))
                runs.append(run := Run(log, NO_PORTS))
                run.catch_up()
                if run.state.open_step is None:
                    run.append(1, t.StepStarted("execute", 1))
            served = PricedModel(model, lambda usage: 0.0, CallPolicy())
            asked = [Caller(served, ledger_of(run)).chat(at("val/a/0"), request("x")) for run in runs]
            return list(await asyncio.gather(*asked)), [[call.reused for call in calls(run)] for run in runs]

    model = Fake(slow)
    replies, recorded = asyncio.run(go())
    assert model.asked == ["x"]
    assert [reply.text for reply in replies] == ["7", "7"]
    assert recorded == [[False], [True]]
