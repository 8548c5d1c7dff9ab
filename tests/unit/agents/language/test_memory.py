"""What an Analysis knows from before: hints, the notebook, what was found and expected."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from engine.agents.language import memory, run_tools
from engine.agents.language.feedback import FeedbackAgent
from engine.agents.run_record import Candidate
from engine.events import types as t
from engine.models.protocol import Abilities
from tests.agent_tools import FakeRecord, FakeTools, calls, says, view
from tests.deciding import GRAMMAR, analyse, told, update


@pytest.mark.parametrize("abilities", [Abilities(), GRAMMAR])
def test_a_persons_hints_stand_in_the_opening_the_newest_last(abilities: Abilities) -> None:
    def opening(**changes: Any) -> str:
        tools = FakeTools(says(""), says(""), says(""), abilities=abilities)
        asyncio.run(FeedbackAgent("claude").analyse(view(**changes), tools))
        return tools.questions[0].messages[1].text

    hints = [t.RunHinted("look at the last digit", "ada"), t.RunHinted("seven times", "ada")]
    with_hints = opening(hints=hints)
    told = "Hints by a person who knows this task; begin with them:\n- look at the last digit\n- seven times\n\n"
    assert with_hints.replace(told, "") == opening() != with_hints


def test_of_many_hints_the_newest_are_told() -> None:
    (told,) = memory.hints(view(hints=[t.RunHinted(str(n) * 30, "ada") for n in range(9)]), 100)
    assert told.endswith("8" * 30) and "0" not in told
    assert memory.hints(view(), 100) == []


@pytest.mark.parametrize("abilities", [Abilities(), GRAMMAR])
def test_the_notebook_stands_in_the_opening_once_there_is_one(abilities: Abilities) -> None:
    def opening(**changes: Any) -> str:
        tools = FakeTools(says(""), says(""), says(""), abilities=abilities)
        asyncio.run(FeedbackAgent("claude").analyse(view(**changes), tools))
        return tools.questions[0].messages[1].text

    kept = opening(notebook="the rule is seven times x")
    assert kept.replace("Your notebook, as you left it:\nthe rule is seven times x\n\n", "") == opening() != kept


def test_a_decision_writes_the_notebook_anew() -> None:
    assert analyse(FakeTools(calls(update(notebook="seven times x")))).notebook == "seven times x"
    tools = FakeTools(calls(update(notebook="x" * 6001)), calls(update()))
    assert analyse(tools).notebook == ""
    assert "notebook" in told(tools)


def test_what_was_found_and_expected_before_a_candidate_stands_beside_its_verdict() -> None:
    record = FakeRecord()
    record.candidates = lambda: [Candidate(2, "use the rule", "method", "it guesses", 0.4)]  # type: ignore[method-assign]
    line = run_tools.candidates(view(), record)
    assert "rejected: not shown to be better" in line
    assert "found before: it guesses\n   expected on val: +0.4" in line
    assert "it guesses" not in run_tools.candidates(view(), record, brief=True)
