"""The agents that a run can have on this machine: how each is named, what it costs, and what is lacking."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import msgspec

from engine import keys
from engine.agents.choice import LANGUAGE_MODELS
from engine.clients import installed
from engine.clients.client import Cost
from engine.clients.table import CLIENTS
from engine.errors import SiaError
from engine.models import catalog
from engine.models.backends.servers import served
from engine.models.extras import find_missing
from engine.user_settings import UserSettings

OPENAI = "openai:gpt-5.6"
"""The model of OpenAI that is offered; others are named by --agent-model."""
NAME = "NAME"
"""Stands in a reference for the name of a model that the user has to choose."""
_MOST_MODELS = 8
_PATIENCE_S = 3
_CLIENTS: Mapping[Cost, str] = {
    "money": "your subscription or key; it tells dollars and tokens",
    "tokens": "your subscription or key; it tells tokens",
    "nothing": "your subscription or key; it does not tell what it uses",
}


class Offer(msgspec.Struct, frozen=True):
    """An agent: what --agent and --agent-model take, and where it cannot be used the remedy."""

    agent: str
    model: str
    what: str
    cost: str
    usable: bool
    how: str
    remedy: str = ""


class _Vendor(NamedTuple):
    agent: str
    model: str
    what: str
    package: str
    key: str


async def offers(settings: UserSettings) -> list[Offer]:
    """All agents, those that a language model is before the search; asks the servers that may run here."""
    found = [*_clients(), *_vendors(settings)]
    if not find_missing(("httpx2",), "agents"):
        for name, server in catalog.servers(settings).items():
            if not server.key:
                found += await _served(name, server.url)
    return [*found, _small(), Offer("search", "", "the search agent: no language model", "free", True, "ready")]


def _clients() -> Iterator[Offer]:
    for client in CLIENTS.values():
        try:
            program = installed.find(client)
        except SiaError as error:
            yield Offer(client.name, "", client.title, _CLIENTS[client.cost], False, error.message, error.remedy)
        else:
            how = f"installed, version {program.version}" if program.version else "installed"
            yield Offer(client.name, "", client.title, _CLIENTS[client.cost], True, how)


def _vendors(settings: UserSettings) -> Iterator[Offer]:
    vendors = [
        _Vendor("claude", f"anthropic:{catalog.CLAUDE}", "Claude", "anthropic", "ANTHROPIC_API_KEY"),
        _Vendor("openai", OPENAI, "OpenAI", "httpx2", catalog.OPENAI_KEY),
    ]
    vendors += [
        _Vendor("openai", f"{name}:{NAME}", f"a model at {server.url}", "httpx2", server.key)
        for name, server in catalog.servers(settings).items()
        if server.key
    ]
    for one in vendors:
        cost = _price(one.model, settings)
        if absent := find_missing((one.package,), "agents"):
            yield Offer(one.agent, one.model, one.what, cost, False, absent.message, absent.remedy)
        elif origin := keys.origin(one.key):
            yield Offer(one.agent, one.model, one.what, cost, True, f"key from the {origin}")
        else:
            remedy = f"set ${one.key}, or store it with `keyring set {keys.SERVICE} {one.key}`"
            yield Offer(one.agent, one.model, one.what, cost, False, "no key", remedy)


def _price(reference: str, settings: UserSettings) -> str:
    price = catalog.price(catalog.parse(reference), settings)
    if price is None:
        return "a price that is not known here: [prices] in sia.toml"
    return f"${price.input:g} in and ${price.output:g} out for a million tokens"


async def _served(name: str, url: str) -> list[Offer]:
    try:
        _, models = await served(url, timeout_s=_PATIENCE_S)
    except SiaError:
        return []
    return [
        Offer("openai", f"openai:{model}@{name}", f"{model} at {url}", "free: it is your own server", True, "answers")
        for model in models[:_MOST_MODELS]
    ]


def _small() -> Offer:
    what, cost = "SmolLM2-135M in this process, which can change values only", "free"
    if absent := find_missing((*catalog.LLAMA, "gguf"), "local"):
        return Offer("local", LANGUAGE_MODELS["local"], what, cost, False, absent.message, absent.remedy)
    return Offer("local", LANGUAGE_MODELS["local"], what, cost, True, "ready")
