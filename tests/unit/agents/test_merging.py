"""Merges of candidates that are best on different cases of train: which, of whom, and what is told of them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from msgspec.structs import replace

from engine.agents import merging
from engine.agents.language import desk, run_tools
from engine.agents.language.trying import TryTool
from engine.agents.protocol import InvalidCall, PastGeneration, View
from engine.agents.run_record import Candidate
from engine.events import types as t
from engine.models.protocol import ToolCall
from engine.steps import proposals
from tests.agent_tools import FILES, FakeRecord, FakeTools
from tests.agent_tools import view as plain_view

LINES = b"def solve(instance, ctx):\n    one = 1\n    a = 0\n    b = 0\n    c = 0\n    two = 1\n    return one + two\n"
FIRST = {**FILES, "agent.py": LINES}
LEFT = {**FIRST, "agent.py": LINES.replace(b"one = 1", b"one = 2")}
RIGHT = {**FIRST, "agent.py": LINES.replace(b"two = 1", b"two = 2")}
BOTH = LINES.replace(b"one = 1", b"one = 2").replace(b"two = 1", b"two = 2")
RIGHT_ON = {1: {0}, 2: {0, 1}, 3: {0, 2, 3}}
"""On which cases of train each candidate is right."""


class Record(FakeRecord):
    """The first candidate, and two that were made from it."""

    parents: Mapping[int, int | None] = {1: None, 2: 1, 3: 1}

    def candidates(self) -> Sequence[Candidate]:
        return [Candidate(n, "why", "what", parent=parent) for n, parent in self.parents.items()]

    def files(self, n: int) -> Mapping[str, bytes] | None:
        return {1: FIRST, 2: LEFT, 3: RIGHT, 4: {**FIRST, "agent.py": BOTH}}.get(n)

    def declined(self) -> Sequence[Mapping[str, bytes]]:
        return []

    def train_results(self, n: int) -> Sequence[t.InstanceFinished]:
        return [
            t.InstanceFinished("h", "train", f"train-{x}", 0, 1, "p", float(x in RIGHT_ON.get(n, ())), str(x))
            for x in range(4)
        ]


def view(**changes: Any) -> View:
    past = [PastGeneration(n, "h", {}, None, "", accepted=n != 2, verdict="judged") for n in (1, 2, 3)]
    return replace(plain_view(), generation=3, incumbent=3, past=past, **changes)


def test_two_that_are_best_on_different_cases_are_merged() -> None:
    (found,) = merging.merges(view(), Record())
    assert (found.one, found.other, found.base) == (2, 3, 1)
    assert found.harness.files["agent.py"] == BOTH
    assert found.said == "candidates 2 and 3 merged"


def test_what_was_judged_refused_or_made_from_the_incumbent_is_not_merged() -> None:
    judged = PastGeneration(4, "h", {}, None, "", accepted=False, verdict="judged")
    assert merging.merges(replace(view(), past=[*view().past, judged]), Record()) == []
    first, second, third = view().past
    assert merging.merges(replace(view(), past=[first, replace(second, refused=True), third]), Record()) == []
    descends = Record()
    descends.parents = {1: None, 2: 1, 3: 2}
    assert merging.merges(view(), descends) == []


def test_the_agent_is_told_who_is_best_where_on_train() -> None:
    told = run_tools.candidates(view(), Record())
    assert "on 1 of 4 instances another is better than candidate 3; best there: candidate 2 on 1" in told
    tree = desk.tree(Record(), view())
    assert tree["merged/g2-g3/harness/agent.py"]() == BOTH
    assert tree["train/BEST.tsv"]().decode().splitlines()[1:3] == ["train-0\tg1 g2 g3", "train-1\tg2"]


def test_a_try_may_begin_from_a_merge() -> None:
    tools = FakeTools()
    trying = TryTool(RIGHT, Record())
    call = ToolCall("", "try_harness", {"why": "both", "merge": [2, 3]})
    assert not asyncio.run(trying.answer(tools, 0, call)).failed
    assert trying.files(1)["agent.py"] == BOTH
    for wrong in ([2, 2], [2], [1, 2], [2, 9]):
        told = asyncio.run(trying.answer(tools, 1, ToolCall("", "try_harness", {"why": "x", "merge": wrong})))
        assert told.failed, wrong
    with pytest.raises(InvalidCall, match="there are none"):
        merging.merge_two(SimpleNamespace(candidates=list), [1, 2])  # type: ignore[arg-type]


class Inventor:
    """An agent that could make alternatives."""

    async def alternative(self, *_: object) -> None:
        raise AssertionError("a merge asks no model")


def merged(*breaks: str, of: View) -> tuple[Any, FakeTools]:
    tools = FakeTools(breaks=breaks)
    tools.record = Record()
    run: Any = SimpleNamespace(
        ports=SimpleNamespace(agent=Inventor()), state=SimpleNamespace(settings=SimpleNamespace(proposals=2))
    )

    async def tools_of(number: int) -> Any:
        assert number == 2
        return tools

    return asyncio.run(proposals.merged(run, of, [], tools_of)), tools


def test_a_merge_is_run_before_it_is_proposed() -> None:
    made, tools = merged(of=view())
    assert made.harness.files["agent.py"] == BOTH
    assert made.changed == "candidates 2 and 3 merged"
    assert "in candidate 1, merged without a conflict" in made.reason
    assert made.alternative
    assert tools.used == [(0, "merge")]
    assert [one.files["agent.py"] for one in tools.tried] == [BOTH]
    assert merged("it breaks", of=view())[0] is None
    assert merged(of=replace(view(), past=view().past[:2]))[0] is None
