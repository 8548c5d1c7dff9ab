"""The scripted agent carries out a file's decisions in order, whatever becomes of them."""

from __future__ import annotations

import asyncio
import re
from types import SimpleNamespace
from typing import ClassVar

import pytest
from msgspec.structs import replace

from engine.agents.protocol import NoProposal, PastGeneration, Proposal
from engine.agents.scripted import ScriptedAgent, parse_script
from engine.errors import SiaError
from harness_repo.tunable import Tunable
from tests.searching import FakeLab, harness, view

HARNESS = harness({"depth": Tunable("int", low=0, high=9)}, {"depth": 1})
SCRIPT = """
[[decision]]
reason = "deeper"
params = { depth = 5 }
[[decision]]
nothing = "out of ideas"
[[decision]]
files = { "prompts/a.md" = "hello" }
[[decision]]
params = { depth = 99 }
[[decision]]
files = { "agent.py" = "def solve(:" }
"""


def played(place: int) -> Proposal | NoProposal:
    """What comes of the decision at `place`."""
    agent, seen = ScriptedAgent(parse_script(SCRIPT)), replace(view(HARNESS), improvements=place)
    analysis = asyncio.run(agent.analyse(seen, None))
    return asyncio.run(agent.improve(seen, analysis, FakeLab(HARNESS, lambda params: 0.5)))


def test_parameters_and_files_are_edited() -> None:
    first, third = played(0), played(2)
    assert isinstance(first, Proposal)
    assert (first.harness.params, first.reason, first.changed) == ({"depth": 5}, "deeper", "depth")
    assert isinstance(third, Proposal)
    assert third.harness.files["prompts/a.md"] == b"hello"
    assert (third.reason, third.changed) == ("as scripted", "prompts/a.md")


@pytest.mark.parametrize(
    ("place", "says"),
    [
        (1, "^out of ideas$"),
        (3, "not a harness: .*depth = 99"),
        (4, "not a harness: agent.py"),
        (5, "the script has ended"),
    ],
)
def test_what_makes_no_candidate_says_why(place: int, says: str) -> None:
    made = played(place)
    assert isinstance(made, NoProposal)
    assert re.search(says, made.reason)


def test_the_analysis_announces_the_decision() -> None:
    analysis = asyncio.run(ScriptedAgent(parse_script(SCRIPT)).analyse(view(HARNESS), None))
    assert (analysis.reason, analysis.lever, analysis.evidence) == ("deeper", "harness", [3])


@pytest.mark.parametrize(
    "text", ["decision = 3", "[[decision]]\ncolour = 1", "[[decision]", "", "[[decision]]\nparams = { x = [1] }"]
)
def test_what_is_no_script_is_refused(text: str) -> None:
    with pytest.raises(SiaError, match="the script is not valid"):
        parse_script(text)


def test_its_decisions_are_used_up_one_by_one_over_the_whole_run() -> None:
    """Also where an Improvement found no candidate and the same generation tries the next decision."""
    from engine.core.effects import Effects
    from engine.steps.improvement import make_view
    from tests.histories import Memory, Play

    play = Play(Memory(), barren={2})
    play.to_rest()

    class Run:
        state, results, effects = play.state, play.results, Effects()
        versions = SimpleNamespace(
            harness=lambda version: HARNESS, params=lambda version: HARNESS.params, program=lambda version: ""
        )
        past: ClassVar[list[PastGeneration]] = []

    assert [one.n for one in play.state.generations] == [1, 2]
    assert make_view(Run(), 2).improvements == 3  # type: ignore[arg-type]
