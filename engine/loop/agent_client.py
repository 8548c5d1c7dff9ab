"""The coding agent of a run: whether it can be started here, and whether it writes the first harness."""

from __future__ import annotations

from collections.abc import Callable

from engine.agents.choice import make_agent
from engine.agents.protocol import Author
from engine.clients import enclosure, installed
from engine.clients.table import client_of
from engine.events import types as t
from engine.sandbox import Isolation


def check_client(settings: t.Settings, isolation: Isolation, report: Callable[[str], None]) -> None:
    """Raises `SiaError` for a client that is not installed or has no sandbox; says what was never tried."""
    client = client_of(settings.agent)
    if client is None:
        return
    enclosure.check(client, isolation)
    if said := installed.find(client).never_tried(client):
        report(said)


def writes_first(settings: t.Settings) -> bool:
    """Whether the run's agent writes the first harness; else it is the domain's."""
    by_agent = bool(settings.agent_model) or isinstance(make_agent(settings.agent, settings.script), Author)
    return by_agent and not settings.seed_harness
