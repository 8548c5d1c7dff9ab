"""The engine's end of `ctx.tools`: what a harness asks is checked, bounded and recorded."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from engine.evaluation.domain_tools import ToolBroker, Use, fault
from engine.grading.client import GraderFailed
from engine.grading.toolbox import ToolFacts
from engine.sandbox import CallRefused

SCHEMA = {
    "type": "object",
    "properties": {
        "query": {"type": "string"},
        "count": {"type": "integer", "minimum": 1, "maximum": 3},
        "kind": {"enum": ["a", "b"]},
    },
    "required": ["query"],
}
LOOK = ToolFacts("look", "Looks.", SCHEMA, 2)


class Desk:
    """A grader with one tool, which returns what it was asked; and the calls that are no use of a tool."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error, self.asked, self.others, self.uses = error, list[Any](), list[str](), list[Use]()
        data = {"val/v1/0": 11, "val/v2/0": 12}
        self.broker = ToolBroker(self, self, ("train", []), data, "commit", self.uses.append)  # type: ignore[arg-type]

    async def tools(self) -> list[ToolFacts]:
        return [LOOK]

    async def use_tool(self, material: Any, tool: str, arguments: Mapping[str, Any], data: Any) -> dict[str, Any]:
        if self.error:
            raise self.error
        self.asked.append((material[0], tool, arguments, data))
        return {"refused": "not today"} if arguments["query"] == "no" else {"result": [data, arguments["query"]]}

    async def call(self, job_key: str | None, op: str, payload: Any, ordinal: int) -> Any:
        self.others.append(op)

    def __call__(self, payload: Any, key: str | None = "val/v1/0", ordinal: int = 0, op: str = "tools.call") -> Any:
        return asyncio.run(self.broker.call(key, op, payload, ordinal))


def ask(query: str = "theft", **more: Any) -> dict[str, Any]:
    return {"name": "look", "arguments": {"query": query, **more}}


def test_a_use_is_answered_from_the_instances_data_and_recorded() -> None:
    desk = Desk()
    assert desk(ask(count=2), ordinal=3) == [11, "theft"]
    assert desk.asked == [("train", "look", {"query": "theft", "count": 2}, 11)]
    (use,) = desk.uses
    assert (use.at.role, use.at.place, use.at.ordinal, use.at.harness) == ("task", "val/v1/0", 3, "commit")
    assert (use.name, use.failed) == ("look", False)
    assert msgspec.json.decode(use.arguments) == {"query": "theft", "count": 2}
    assert msgspec.json.decode(use.result) == [11, "theft"]


def test_what_is_no_tool_goes_to_the_model() -> None:
    desk = Desk()
    desk({"messages": []}, op="model.chat")
    assert (desk.others, desk.uses) == (["model.chat"], [])


def test_each_solve_has_its_budget_and_one_that_is_tried_again_has_it_anew() -> None:
    desk = Desk()
    desk(ask(), ordinal=0)
    desk(ask(), ordinal=2)
    with pytest.raises(CallRefused, match="2 times at most"):
        desk(ask(), ordinal=3)
    desk(ask(), key="val/v2/0", ordinal=0)
    desk(ask(), ordinal=0)
    assert [use.failed for use in desk.uses] == [False, False, True, False, False]


@pytest.mark.parametrize(
    ("payload", "said"),
    [
        (None, "not valid"),
        ({"name": 3}, "not valid"),
        ({"name": "look", "arguments": {"query": float("nan")}}, "not valid"),
        ({"name": "read_labels"}, "there is no tool 'read_labels'; there are look"),
        ({"name": "look"}, "needs the argument 'query'"),
        (ask(label=1), "has no argument 'label'; it has query, count, kind"),
        (ask(count="2"), "the argument 'count' of look must have the type integer"),
        (ask(count=True), "the argument 'count' of look must have the type integer"),
        (ask(count=9), "lies between 1 and 3"),
        (ask(kind="c"), "is one of a, b"),
        (ask("no"), "not today"),
    ],
)
def test_what_is_wrong_is_refused_in_a_sentence(payload: Any, said: str) -> None:
    with pytest.raises(CallRefused, match=said):
        Desk()(payload)


def test_a_tool_that_fails_is_refused_and_recorded() -> None:
    desk = Desk(GraderFailed("KeyError at domain.py:3"))
    with pytest.raises(CallRefused, match="the tool look failed: KeyError"):
        desk(ask())
    assert [use.failed for use in desk.uses] == [True]


def test_prepare_has_no_tools() -> None:
    with pytest.raises(CallRefused, match="in solve, not in prepare"):
        Desk()(ask(), key=None)


def test_a_schema_without_types_takes_anything() -> None:
    assert fault(ToolFacts("t", "", {"properties": {"x": {}}}, 1), {"x": True}) == ""
