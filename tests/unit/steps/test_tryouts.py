"""Tries: which cases they are on, what they cost, and that none is executed twice, also not after a crash."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from engine.agents.protocol import Cases, ToolResult
from engine.events import types as t
from engine.loop import launch
from engine.run.live_run import Run
from engine.run.workspace import Workspace
from engine.steps.workbench.tryouts import Tryouts
from harness_repo.harness import Harness, parse
from tests.playing import small

pytestmark = pytest.mark.slow
BASE = parse({"harness.toml": b'name = "toy"\n', "agent.py": b"def solve(instance, ctx):\n    return -1\n"})
LEARNS = b"""
def solve(instance, ctx):
    seen = [case.data for case in ctx.train()]
    ctx.log(len(seen), instance.data in seen)
    return 7 * instance.data % 10
"""
RIGHT = parse({"harness.toml": b'name = "toy"\n', "agent.py": LEARNS})


def tried(folder: Path, work: Callable[[Run], Awaitable[None]], **budget: int) -> None:
    async def go() -> None:
        options = launch.Options(domain=small(folder / "times7"), budget=t.Budget(**budget))
        async with launch.start(Workspace(folder / "w"), await launch.plan(options, lambda _: None)) as run:
            await work(run)

    asyncio.run(go())


async def use(run: Run, ordinal: int, harness: Harness, cases: Cases, base: Harness | None = BASE) -> ToolResult:
    return await Tryouts(run, 1, 0, base).run(ordinal, harness, cases, "to see")


def test_a_try_is_executed_once_and_the_base_once_for_the_same_cases(tmp_path: Path) -> None:
    async def work(run: Run) -> None:
        first = await use(run, 1, RIGHT, Cases(3))
        assert [probe.why for probe in run.effects.probes] == ["the best candidate, to compare with", "to see"]
        assert "difference +1.0000 ± 0.0000 (3 better, 0 worse)" in first.text
        assert (await use(run, 1, RIGHT, Cases(3))).text == first.text, "as after a crash before the tool's event"
        assert len(run.effects.probes) == 2 and run.state.spent.evaluations == 6
        again = parse({**RIGHT.files, "notes.md": b"a"})
        await use(run, 2, again, Cases(3))
        assert [probe.why for probe in run.effects.probes][2:] == ["to see"]

    tried(tmp_path, work)


def test_a_harness_never_learns_from_what_it_is_tried_on(tmp_path: Path) -> None:
    async def work(run: Run) -> None:
        named = await use(run, 1, RIGHT, Cases(named=["train-3", "train-5"]), None)
        assert "train-3\n18 False" in named.text and "train-5\n18 False" in named.text
        whole = await use(run, 2, RIGHT, Cases(out_of_fold=True), None)
        assert "on all 20 of train, out of fold" in whole.text and "True" not in whole.text
        assert run.effects.probes[-1].evaluations == 20

    tried(tmp_path, work)


def test_what_is_not_tried_says_why_and_costs_nothing(tmp_path: Path) -> None:
    async def work(run: Run) -> None:
        found = [
            await use(run, 1, RIGHT, cases)
            for cases in (Cases(named=["val-100"]), Cases(named=[f"train-{x}" for x in range(11)]), Cases(8))
        ]
        assert [one.failed for one in found] == [True] * 3
        assert "train has no case 'val-100'" in found[0].text and "at most 10 cases" in found[1].text
        assert "it takes 16 evaluations, the best candidate's included, and 9 are left" in found[2].text
        assert not run.effects.probes
        assert (await use(run, 2, RIGHT, Cases(100), None)).failed, "of many, at most half of train: 10"
        assert not (await use(run, 3, RIGHT, Cases(9), None)).failed

    tried(tmp_path, work, evaluations=16 + 15 + 9)
