"""The Meta-Agent writes the first harness, repairs it, and goes on where an earlier attempt ended."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

from engine.agents.language.conversation import REPAIRS
from engine.agents.language.meta import MetaAgent
from engine.agents.protocol import NoProposal, Proposal
from tests.agent_tools import FILES, FakeTools, calls


def written(agent: str) -> tuple[str, dict[str, Any]]:
    files = {"harness.toml": FILES["harness.toml"].decode(), "params.toml": 'method = "rule"', "agent.py": agent}
    return "write_harness", {"reason": "a start", "files": files}


def test_the_meta_agent_reads_writes_and_repairs_until_it_runs() -> None:
    good = FILES["agent.py"].decode()
    tools = FakeTools(
        calls(("read_train", {"first": 0, "count": 2}), ("read_file", {"path": "references/tables.md"})),
        calls(written("def solve(:")),
        calls(written(good)),
        calls(written(good)),
        breaks=["train-0: failed (candidate): NameError"],
    )
    made = asyncio.run(MetaAgent().write([tools]))
    assert isinstance(made, Proposal)
    assert made.reason == "a start"
    read = tools.questions[1].messages[-2:]
    assert "train-1: 1\n  label: 7" in read[0].text
    assert read[1].text.startswith("7 14 21")
    assert "does not parse" in tools.questions[2].messages[-1].text
    assert "NameError" in tools.questions[3].messages[-1].text


def test_a_meta_agent_that_writes_nothing_that_runs_says_so() -> None:
    tools = FakeTools(*[calls(written("def solve(:")) for _ in range(20)])
    made = asyncio.run(MetaAgent().write([tools]))
    assert isinstance(made, NoProposal)
    assert "does not parse" in made.reason


def test_a_later_attempt_of_the_meta_agent_goes_on_where_the_earlier_ones_ended() -> None:
    wrong, right = calls(written("def solve(:")), calls(written(FILES["agent.py"].decode()))
    first = FakeTools(*[wrong] * (REPAIRS + 1))
    second = FakeTools(*[wrong] * (REPAIRS + 1))
    third = FakeTools(right)
    made = asyncio.run(MetaAgent().write([first, second, third]))
    assert isinstance(made, Proposal)
    asked = [*first.questions, *second.questions, *third.questions]
    for before, after in itertools.pairwise(asked):
        assert after.messages[: len(before.messages) - 1] == before.messages[:-1], "one conversation, for the cache"
    assert len(asked[-1].messages) == 2 + 2 * 2 * (REPAIRS + 1)
    last = third.questions[0].messages[-1].text
    assert "does not parse" in last and "That made no harness" in last and "Go on from here" in last
    assert [place for place, _ in third.used] == [1], "each attempt has its own place in the log"
