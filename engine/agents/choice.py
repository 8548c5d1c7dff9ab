"""The agent that a run's settings name."""

from __future__ import annotations

from engine.agents.protocol import Agent
from engine.agents.scripted import ScriptedAgent, parse_script
from engine.agents.search import SearchAgent
from engine.errors import SiaError


def make_agent(name: str, script: str) -> Agent:
    """The agent of that name; raises `SiaError` for one that is not known."""
    if script:
        return ScriptedAgent(parse_script(script))
    if name == "search":
        return SearchAgent()
    raise SiaError(f"there is no agent {name!r}", "choose search, or script:FILE")
