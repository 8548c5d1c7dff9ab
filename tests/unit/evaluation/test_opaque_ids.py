"""What a harness sees of an instance beside its data: no id and no order that could reveal a label."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

from msgspec.structs import replace

from engine.evaluation.evaluate import evaluate
from engine.evaluation.trial import GradedAnswer, trials
from engine.seeds import opaque_id
from tests.unit.evaluation.test_evaluate import SEED, evaluation

TASK = """
from domains.contract import Grade, Instance, Summary

class Sorted:
    def digest(self):
        return "sorted"

    def instances(self, split):
        return [Instance(f"{split}-{'cat' if at < 15 else 'dog'}-{at}", "?", at // 15) for at in range(30)]

    def grade(self, instance, answer):
        said = answer.get("label") if isinstance(answer, dict) else answer
        return Grade(float(said == instance.label))

    def summarise(self, split, graded):
        return Summary()

    def baselines(self, train, on):
        return {}

def load(data):
    return Sorted()
"""
SPEC = """
name = "sorted"
title = "cats, then dogs"
metric = "accuracy"
minimum_effect = 0.1
train_sample = 4
"""
BY_ID = """
def solve(instance, ctx):
    known = {item.id.split("-")[1]: item.label for item in ctx.train() if "-" in item.id}
    return {"label": known.get(instance.id.split("-")[-2] if "-" in instance.id else "", 0), "id": instance.id}
"""
RAISES = """
def solve(instance, ctx):
    print("seen", instance.id)
    raise ValueError(instance.id)
"""
BY_ORDER = """
import time
def solve(instance, ctx):
    time.sleep(0.01)
    return {"at": time.monotonic_ns()}
"""


def graded(folder: Path, harness: str) -> list[GradedAnswer]:
    (folder / "domain.py").write_text(TASK)
    (folder / "domain.toml").write_text(SPEC)
    (folder / "task.md").write_text("Tell cats from dogs.\n")
    (folder / "harness").mkdir()
    (folder / "harness" / "harness.toml").write_text('name = "seed"\n')
    (folder / "harness" / "agent.py").write_text(harness)

    async def go() -> list[GradedAnswer]:
        async with evaluation(harness, folder=folder) as chosen:
            todo = trials("val", await chosen.grading.grader.instances("val"), range(1), SEED)
            alone = replace(chosen, grading=replace(chosen.grading, workers=1))
            return [one async for one in evaluate(alone, todo)]

    return asyncio.run(go())


def test_an_id_that_names_the_label_is_worth_nothing(tmp_path: Path) -> None:
    found = graded(tmp_path, BY_ID)
    assert sum(one.grade.score for one in found) == 15  # all are called cats
    shown = {one.answer.trial.instance: one.answer.value["id"] for one in found}
    assert shown == {name: opaque_id(SEED, name) for name in shown}
    assert all(re.fullmatch("[0-9a-f]{20}", one) for one in shown.values())


def test_the_order_in_which_instances_come_is_not_the_domain_s(tmp_path: Path) -> None:
    found = sorted(graded(tmp_path, BY_ORDER), key=lambda one: int(one.answer.value["at"]))
    dogs = ["dog" in one.answer.trial.instance for one in found]
    assert sum(dogs[:15]) in range(4, 12), "shuffled, not cats before dogs"


def test_the_record_has_the_instance_s_own_id(tmp_path: Path) -> None:
    found = graded(tmp_path, RAISES)
    for one in found:
        name = one.answer.trial.instance
        assert one.answer.failure is not None and one.answer.failure.message == f"ValueError: {name}"
        assert one.answer.log.startswith(f"seen {name}")
