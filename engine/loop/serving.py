"""The language models of a run, opened: each with its price and with how it is called."""

from __future__ import annotations

from engine.errors import SiaError
from engine.models.calling import Policy, Served
from engine.models.protocol import Usage


def serve(reference: str) -> Served:
    """The model that `reference` names; raises `SiaError` where it cannot be used here."""
    import os

    from engine.models.anthropic import Anthropic

    backend, _, name = reference.partition(":")
    if backend != "anthropic":
        raise SiaError(f"there is no model {reference!r}")
    prices = (3.0, 15.0, 0.3, 3.75)

    def price(usage: Usage) -> float:
        counts = (usage.input, usage.output, usage.cache_read, usage.cache_write)
        return sum(count * per for count, per in zip(counts, prices, strict=True)) / 1e6

    return Served(Anthropic(name, key=os.environ.get("ANTHROPIC_API_KEY")), price, Policy())
