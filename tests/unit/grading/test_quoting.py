"""No label of val or test is in the message of a failure, wherever in a domain's code it was raised."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from domains.contract import Grade
from engine.errors import SiaError
from engine.grading.client import Grader, GraderFailed
from engine.grading.loader import find
from engine.models.calling import Position
from engine.models.protocol import PermanentError, Reply, Request, RetryableError
from tests.fakes.model import Fake, Ledger, caller, request

DOMAIN = """
import os, sys
import numpy
from domains.contract import DataMissing, Grade, Instance, Question, Summary
class D:
    def digest(self): return "1"
    def instances(self, split): return [Instance(split + "-1", 3, label="SECRET-" + split)]
    def grade(self, instance, answer, replies=None):
        label = instance.label
        {grade}
    def questions(self, instance, answer):
        label = instance.label
        {questions}
    def summarise(self, split, graded):
        label = graded[0].instance.label
        {summarise}
    def baselines(self, train, on):
        label = on[0].label
        {baselines}
def load(data):
    return D()
"""
BODIES = {
    "grade": "return Grade(1.0)",
    "questions": "return [Question('?')]",
    "summarise": "return Summary()",
    "baselines": "return {'b': [0]}",
}
WAYS = {
    "grade": lambda grader, split: grader.grade(split, f"{split}-1", 0),
    "questions": lambda grader, split: grader.questions(split, f"{split}-1", 0),
    "summarise": lambda grader, split: grader.summarise(split, [(f"{split}-1", 0, Grade(1.0))]),
    "baselines": lambda grader, split: grader.baselines(split),
    "baseline_answers": lambda grader, split: grader.baseline_answers(split),
}
LEAKS = {
    "raise": "raise ValueError('expected ' + label)",
    "key": "return {}[label]",
    "print and die": "print('expected ' + label, file=sys.stderr, flush=True); os._exit(3)",
    "exit": "sys.exit('expected ' + label)",
    "no plain data": "return {label: object()}",
}


@pytest.fixture
def domain(tmp_path: Path) -> Callable[..., Any]:
    """The result of `work` with a domain that has these bodies."""

    def make(work: Callable[[Grader], Awaitable[Any]], **bodies: str) -> Any:
        spec = 'name = "d"\ntitle = "t"\nmetric = "m"\nminimum_effect = 0.1\ntrain_sample = 1\ngrade_wall_s = 20\n'
        (tmp_path / "domain.toml").write_text(spec)
        (tmp_path / "domain.py").write_text(DOMAIN.format(**{**BODIES, **bodies}))

        async def inside() -> Any:
            grader = Grader(find(str(tmp_path)))
            try:
                return await work(grader)
            finally:
                await grader.close()

        return asyncio.run(inside())

    return make


@pytest.mark.parametrize("leak", LEAKS)
@pytest.mark.parametrize("body", BODIES)
def test_no_label_of_val_is_told(domain: Callable[..., Any], body: str, leak: str) -> None:
    async def work(grader: Grader) -> list[str]:
        said = []
        for way, call in WAYS.items():
            if way.startswith(body[:8]):
                with pytest.raises((GraderFailed, SiaError)) as caught:
                    await call(grader, "val")
                said.append(str(caught.value))
        return said

    for message in domain(work, **{body: LEAKS[leak]}):
        assert "SECRET" not in message
        if leak in ("raise", "key"):
            assert f" in {body}" in message, "the place is told"


@pytest.mark.parametrize("body", ["grade", "questions"])
def test_a_label_of_train_may_be_told(domain: Callable[..., Any], body: str) -> None:
    async def work(grader: Grader) -> None:
        await WAYS[body](grader, "train")

    with pytest.raises(GraderFailed, match="expected SECRET-train"):
        domain(work, **{body: LEAKS["raise"]})


@pytest.mark.parametrize(
    ("way", "bodies"),
    [
        ("questions", {"questions": "return [Question('?', temperature=float('nan'))]"}),
        ("questions", {"questions": "return [Question('\\ud800')]"}),
        ("baseline_answers", {"baselines": "return {'b': [{1: 2}]}"}),
        ("baseline_answers", {"baselines": "return {'b': [float('inf')]}"}),
        ("summarise", {"summarise": "return Summary(macro=float('nan'))"}),
    ],
)
def test_what_the_log_could_not_hold_is_the_domain_s_failure(
    domain: Callable[..., Any], way: str, bodies: dict[str, str]
) -> None:
    async def work(grader: Grader) -> None:
        await WAYS[way](grader, "val")
        pytest.fail("taken")

    with pytest.raises(GraderFailed):
        domain(work, **bodies)


def test_numbers_of_numpy_are_numbers(domain: Callable[..., Any]) -> None:
    async def work(grader: Grader) -> Grade:
        return await grader.grade("val", "val-1", 0)

    grade = "return Grade(numpy.float64(0.5), measures={'n': numpy.int64(3), 'x': numpy.float32(0.25)})"
    assert domain(work, grade=grade) == Grade(0.5, measures={"n": 3.0, "x": 0.25})


@pytest.mark.parametrize("kind", [PermanentError, RetryableError])
@pytest.mark.parametrize(("place", "told"), [("val/a/0", False), ("test/a/0", False), ("train/a/0", True)])
def test_a_server_that_quotes_the_judge_s_question_tells_no_label(kind: type[Any], place: str, told: bool) -> None:
    async def quotes(asked: Request) -> Reply:
        arguments = ("filtered: is it SECRET?", "ask another") if kind is PermanentError else ("SECRET overloads us",)
        raise kind(*arguments, status=400)

    ledger = Ledger()
    with pytest.raises(Exception, match=r"status 400|SECRET") as caught:
        asyncio.run(caller(Fake(quotes), ledger).chat(Position("judge", place, 0), request("x")))
    assert ("SECRET" in f"{caught.value} {ledger.retries}") == told
