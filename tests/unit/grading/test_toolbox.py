"""A domain's tools: made from what a harness may learn from, used in the grading process, and bounded there."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from domains.contract import Instance
from engine.grading.client import Grader, GraderFailed
from engine.grading.loader import find
from engine.grading.toolbox import KEPT

DOMAIN = """
from domains.contract import Grade, Instance, Summary, Tool, ToolRefused
SCHEMA = {"type": "object", "properties": {"x": {"type": "integer"}}}
class D:
    def digest(self): return "1"
    def instances(self, split): return [Instance(f"{split}-{n}", n, label=f"SECRET-{split}-{n}") for n in range(3)]
    def grade(self, instance, answer): return Grade(1.0)
    def summarise(self, split, graded): return Summary()
    def baselines(self, train, on): return {}
    def tools(self, train):
        def look(data, x=0):
            if x == 7: raise ToolRefused("there is\\nno seven")
            if x == 8: raise ValueError("SECRET-val-1")
            if x == 9: return object()
            if x == 10: return "x" * 300_000
            return [data, [case.label for case in train]]
        return [Tool("look", "Looks.", SCHEMA, look, 2)]
def load(data):
    return D()
"""


def using(folder: Path, do: Callable[[Grader], Awaitable[Any]], tools: str = "true") -> Any:
    spec = f'name = "d"\ntitle = "t"\nmetric = "m"\nminimum_effect = 0.1\ntrain_sample = 1\ntools = {tools}\n'
    (folder / "domain.toml").write_text(spec)
    (folder / "domain.py").write_text(DOMAIN)

    async def go() -> Any:
        grader = Grader(find(str(folder)))
        try:
            return await do(grader)
        finally:
            await grader.close()

    return asyncio.run(go())


def material(*labels: str) -> tuple[str, list[Instance]]:
    return "+".join(labels), [Instance(f"case-{label}", 1, label) for label in labels]


async def look(grader: Grader, x: int = 0, labels: tuple[str, ...] = ("a", "b")) -> Any:
    return await grader.use_tool(material(*labels), "look", {"x": x}, [5, b"raw"])


def test_a_domain_says_what_its_tools_are(tmp_path: Path) -> None:
    (tool,) = using(tmp_path, lambda grader: grader.tools())
    assert (tool.name, tool.description, tool.calls) == ("look", "Looks.", 2)
    assert tool.parameters["properties"] == {"x": {"type": "integer"}}


def test_a_domain_that_does_not_say_so_is_not_asked(tmp_path: Path) -> None:
    assert list(using(tmp_path, lambda grader: grader.tools(), tools="false")) == []


def test_a_tool_knows_the_data_and_what_may_be_learnt_and_nothing_else(tmp_path: Path) -> None:
    async def several(grader: Grader) -> list[Any]:
        found = [await look(grader), await look(grader, labels=("c",)), await look(grader)]
        names = [f"n{n}" for n in range(KEPT)]
        found += [await look(grader, labels=(name,)) for name in names]
        return [*found, await look(grader), await look(grader, labels=names[-1:])]  # type: ignore[arg-type]

    first, other, again, *_, forgotten, kept = using(tmp_path, several)
    assert first == again == forgotten == {"result": [[5, b"raw"], ["a", "b"]]}
    assert other == {"result": [[5, b"raw"], ["c"]]}
    assert kept == {"result": [[5, b"raw"], [f"n{KEPT - 1}"]]}


def test_tools_are_made_anew_where_the_process_has_died(tmp_path: Path) -> None:
    async def twice(grader: Grader) -> Any:
        await look(grader)
        await grader.close()
        return await look(grader)

    assert using(tmp_path, twice)["result"] == [[5, b"raw"], ["a", "b"]]


@pytest.mark.parametrize(("x", "said"), [(7, "there is no seven"), (10, "the result has 300,002 bytes")])
def test_a_refusal_is_a_sentence(tmp_path: Path, x: int, said: str) -> None:
    assert said in using(tmp_path, lambda grader: look(grader, x))["refused"]


@pytest.mark.parametrize("x", [8, 9])
def test_a_tool_that_fails_shows_no_label(tmp_path: Path, x: int) -> None:
    with pytest.raises(GraderFailed) as failed:
        using(tmp_path, lambda grader: look(grader, x))
    assert "SECRET" not in str(failed.value)
