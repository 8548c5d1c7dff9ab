"""What agents read of a run: bounded, paged, and the same whenever it is asked."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from engine.agents.language.run_tools import candidates, of_run
from engine.agents.language.toolbox import page, schema_of
from engine.agents.protocol import InvalidCall, ToolResult
from engine.events import types as t
from engine.models.protocol import ToolCall
from tests.agent_tools import FakeRecord, view


def use(name: str, /, *, size: int = 4000, **arguments: Any) -> ToolResult:
    tools = {one.tool.name: one for one in of_run(view(failed=["the model came to no decision"]), FakeRecord(), size)}
    return asyncio.run(tools[name].use(ToolCall("c", name, arguments)))


def test_candidates_come_with_scores_verdicts_and_reasons() -> None:
    text = use("list_candidates").text
    assert "1: val about 0.2, train 0.2500 (n = 4); the first candidate" in text
    assert "2: train 1.0000 (n = 4); rejected: not shown to be better" in text
    assert "why: use the rule" in text
    assert "came to nothing: the model came to no decision" in text


def test_the_end_of_the_candidates_is_told_without_reading_the_others() -> None:
    seen = view(failed=["nothing", "again nothing"])
    whole = candidates(seen, FakeRecord())
    for size in range(1, len(whole) + 10):
        assert candidates(seen, FakeRecord(), size) == whole[-size:]
    read: list[int] = []

    class Watched(FakeRecord):
        def train_results(self, n: int) -> Sequence[t.InstanceFinished]:
            read.append(n)
            return super().train_results(n)

    long = replace(seen, past=[replace(seen.past[0], n=n) for n in range(1, 2001)])
    assert len(candidates(long, Watched(), 800)) == 800
    assert set(read) < set(range(1980, 2001))


@pytest.mark.parametrize(("only", "ids"), [("all", {0, 1, 2, 3}), ("wrong", {1, 2}), ("right", {0}), ("failed", {3})])
def test_trajectories_are_listed_by_what_became_of_them(only: str, ids: set[int]) -> None:
    text = use("list_trajectories", candidate=1, only=only).text
    assert {x for x in range(4) if f"train-{x}:" in text} == ids


def test_failures_confusions_and_rewards_are_counted() -> None:
    assert use("count_failures", candidate=1).text == "candidate: 1, like train-3 candidate: ValueError: three"
    assert use("count_failures", candidate=2).text == "no instance of train failed"
    assert "1 x expected 7, given 0" in use("count_confusions", candidate=1).text
    assert "0 to 0.1: 3" in use("show_rewards", candidate=1).text
    assert use("show_rewards", candidate=2).text == "all 4 scores are 1"


def test_differences_of_files_are_shown() -> None:
    assert '-method = "guess"\n+method = "rule"' in use("show_diff", old=1, new=2).text


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("list_trajectories", {"candidate": 9}),
        ("list_trajectories", {"candidate": 1, "only": "secret"}),
        ("show_diff", {"old": 1, "new": 7}),
        ("list_candidates", {"extra": 1}),
    ],
)
def test_what_is_not_there_is_said_and_nothing_else(name: str, arguments: dict[str, Any]) -> None:
    assert use(name, **arguments).failed


def test_a_schema_stands_alone() -> None:
    from engine.agents.language.edits import UpdateHarness

    schema = schema_of(UpdateHarness)
    assert "$ref" not in str(schema)
    assert set(schema["required"]) == {"findings", "reason", "evidence", "expected_gain"}
    assert schema["properties"]["replacements"]["items"]["properties"].keys() == {"path", "old", "new"}


def test_a_page_beyond_the_end_is_refused() -> None:
    assert page("abc", 0, 2) == "ab\n[1 more character; read on with offset=2]"
    assert page("abc", 2, 2) == "c"
    assert page("", 0, 2) == ""
    with pytest.raises(InvalidCall):
        page("abc", 3, 2)
