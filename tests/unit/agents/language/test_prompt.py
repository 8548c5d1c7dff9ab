"""A model is told what is offered, and nothing of what is not."""

from __future__ import annotations

import asyncio

import pytest

from engine.agents.language import surroundings
from engine.agents.language.feedback import FeedbackAgent
from engine.agents.language.meta import MetaAgent
from engine.agents.protocol import Surroundings, TaskModel
from tests.agent_tools import FakeTools, says, view

WORDS = {
    "ctx.model.chat": {"has_task_model": False},
    "`run_python`": {"has_sandbox": False},
    "`try_harness`": {"evaluations": 0},
    "`update_weights`": {"trainable": False},
    "`choices=": {"surroundings": Surroundings(model=TaskModel("m"))},
}


def system(**changes: object) -> str:
    tools = FakeTools(*[says("")] * 3)
    tools.evaluations, tools.trainable = 100, True
    for name, value in changes.items():
        setattr(tools, name, value)
    asyncio.run(FeedbackAgent("claude").analyse(view(), tools))
    return tools.questions[0].messages[0].text


@pytest.mark.parametrize("word", WORDS)
def test_what_is_not_offered_is_not_spoken_of(word: str) -> None:
    assert word in system()
    assert word not in system(**WORDS[word])


def test_a_line_of_what_the_model_can_do_is_there_without_its_mark() -> None:
    text = system()
    assert "\n- `choices=" in text and "[choices]" not in text
    assert "ctx.model.score" not in text and "`schema=" not in text and "[score]" not in text


def test_limits_packages_and_the_task_model_are_told() -> None:
    told = surroundings.facts(Surroundings(packages=["numpy"], model=TaskModel("a-model", [], 200_000, 3.0, 15.0)))
    for part in (
        "10 s of CPU",
        "4096 MB",
        "numpy",
        "a-model, with a window of 200,000 tokens",
        "$3 in prompts and $15",
    ):
        assert part in told
    without = surroundings.facts(Surroundings(learns=False, folders=["given"]))
    for part in ("no language model", "ctx.train()` is empty", "given", "standard library: none"):
        assert part in without


def test_the_meta_agent_is_told_the_same_rules() -> None:
    tools = FakeTools(*[says("")] * 3)
    asyncio.run(MetaAgent().write([tools]))
    text, opening = (message.text for message in tools.questions[0].messages[:2])
    assert "`harness.toml`" in text and "ctx.model.chat" in text and "try_harness" not in text
    assert "a-model" in opening and "10 s of CPU" in opening
