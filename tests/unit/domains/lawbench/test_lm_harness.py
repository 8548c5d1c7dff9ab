"""The seed harness for language models: zero-shot as seeded; retrieval, candidates and examples by its parameters."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import domains.lawbench
from domains.contract import Instance, Limits
from engine.sandbox import Job, Outcome, Program, probe, run_harness
from harness_repo.harness import read_folder
from tests.unit.domains.lawbench.conftest import TELLING

HARNESS = read_folder(Path(domains.lawbench.__file__).parent / "harness-lm")


class Model:
    """Names the first charge of its prompt, as a model that does not know may do."""

    def __init__(self) -> None:
        self.prompts: list[str] = []

    async def call(self, job_key: str | None, op: str, payload: Any, ordinal: int) -> Any:
        if op == "model.score":
            self.prompts.append(payload["prompt"])
            return [-float(len(text)) for text in payload["continuations"]]
        prompt = payload["messages"][1]["text"]
        self.prompts.append(prompt)
        first = prompt.splitlines()[1].split("、[")[0]
        return {"text": f"{first}罪。", "finish": "stop", "calls": [], "usage": {}}


def solved(
    cases: Sequence[Instance], on: Sequence[Instance], asked: Model | None = None, **params: Any
) -> tuple[list[Outcome], Model]:
    model, harness = asked or Model(), HARNESS.with_params(params)
    program = Program(harness.files, "agent.py", harness.params, train=list(cases), limits=Limits())
    jobs = [Job(one.id, one.id, one.data, 1) for one in on]

    async def run() -> list[Outcome]:
        outcomes = run_harness(program, jobs, workers=1, broker=model, isolation=probe())
        return [outcome async for outcome in outcomes]

    return asyncio.run(run()), model


@pytest.fixture
def halves(instances: list[Instance]) -> tuple[list[Instance], list[Instance]]:
    if probe().level == "none":
        pytest.skip("no sandbox can be built here")
    return instances[::2], instances[1::10]


def test_as_seeded_every_charge_is_in_the_prompt_and_no_case(halves: tuple[list[Instance], list[Instance]]) -> None:
    train, on = halves
    outcomes, model = solved(train, on)
    assert [outcome.failure for outcome in outcomes] == [None] * len(on)
    assert all(outcome.answer in TELLING for outcome in outcomes)
    assert all(charge in prompt for prompt in model.prompts for charge in TELLING)
    assert not any("例：" in prompt for prompt in model.prompts)


def test_candidates_are_those_of_similar_cases_best_first(halves: tuple[list[Instance], list[Instance]]) -> None:
    train, on = halves
    outcomes, model = solved(train, on, candidates=2)
    labels = {one.id: one.label for one in on}
    right = [outcome.answer == labels[outcome.key] for outcome in outcomes]
    assert sum(right) > len(on) * 0.6, "the first candidate is mostly the charge"
    assert all(sum(charge in prompt for charge in TELLING) <= 3 for prompt in model.prompts)


def test_examples_stand_in_the_prompt_with_their_charges(halves: tuple[list[Instance], list[Instance]]) -> None:
    train, on = halves
    _, model = solved(train, on, examples=2)
    assert all(prompt.count("例：") == 2 for prompt in model.prompts)


def test_the_most_likely_candidate_is_the_answer(halves: tuple[list[Instance], list[Instance]]) -> None:
    train, on = halves
    outcomes, _ = solved(train, on, judge="score")
    assert {outcome.answer for outcome in outcomes} <= {"盗窃", "放火", "重婚"}, "the shortest is the likeliest here"


class Searching(Model):
    """Searches once, and then names the charge of the case that it found."""

    async def call(self, job_key: str | None, op: str, payload: Any, ordinal: int) -> Any:
        if op == "tools.call":
            return [{"facts": "…", "charge": "放火", "likeness": 1.0}]
        last = payload["messages"][-1]
        self.prompts.append(last["text"])
        calls = [] if last["role"] == "tool" else [{"id": "a", "name": "search_cases", "arguments": {"query": "火"}}]
        text = json.loads(last["text"])[0]["charge"] if last["role"] == "tool" else ""
        return {"text": text, "finish": "stop", "calls": calls, "usage": {}}


def test_a_model_may_look_up_cases_first(halves: tuple[list[Instance], list[Instance]]) -> None:
    train, on = halves
    outcomes, model = solved(train, on, Searching(), judge="look up")
    assert [outcome.answer for outcome in outcomes] == ["放火"] * len(on)
    assert len(model.prompts) == 2 * len(on)
