"""Agents by the names that a run's settings use."""

from __future__ import annotations

from engine.agents.coding.agent import CodingAgent
from engine.agents.language.feedback import FeedbackAgent
from engine.agents.protocol import Agent
from engine.agents.scripted import ScriptedAgent, parse_script
from engine.agents.search import SearchAgent
from engine.clients.table import CLIENTS, client_of
from engine.errors import SiaError

LANGUAGE_MODELS = {"claude": "claude", "openai": "", "local": "smollm2"}
"""Agents that are language models, with the default of --agent-model."""


def reads_words(name: str) -> bool:
    """Whether the agent of that name reads a person's hints."""
    return name in LANGUAGE_MODELS or client_of(name) is not None


def make_agent(name: str, script: str) -> Agent:
    """The agent of that name; raises `SiaError` for an unknown name."""
    if script:
        return ScriptedAgent(parse_script(script))
    if name == "search":
        return SearchAgent()
    if name in LANGUAGE_MODELS:
        return FeedbackAgent(name)
    if client_of(name) is not None:
        return CodingAgent(name.partition(":")[0])
    known = ", ".join(["search", *LANGUAGE_MODELS, *CLIENTS])
    raise SiaError(f"there is no agent {name!r}", f"choose {known}, acp:COMMAND, command:COMMAND or script:FILE")
