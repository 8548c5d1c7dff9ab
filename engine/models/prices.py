"""Prices in US dollars per million tokens, by model; `[prices]` in sia.toml adds to them and overrides them.

Anthropic's prices are those of https://platform.claude.com/docs/en/about-claude/pricing in November 2026: five-minute
caches, prompts of any length. claude-haiku-5-5 is left out, since prompts of more than 100,000 tokens cost five times
as much; OpenAI's models are left out, since many of them have such tiers.
"""

from __future__ import annotations

from collections.abc import Mapping

from engine.usage import Usage
from engine.user_settings import Price

_SONNET_4 = Price(input=3.0, output=15.0, cache_read=0.30, cache_write=3.75)
_OPUS = Price(input=5.0, output=25.0, cache_read=0.50, cache_write=6.25)
DEFAULTS: Mapping[str, Price] = {
    "claude-sonnet-4-5": _SONNET_4,
    "claude-sonnet-4-6": _SONNET_4,
    "claude-sonnet-5": Price(input=2.0, output=10.0, cache_read=0.20, cache_write=2.50),
    "claude-sonnet-5-5": Price(input=2.0, output=10.0, cache_read=0.10, cache_write=2.50),
    "claude-haiku-4-5": Price(input=1.0, output=5.0, cache_read=0.10, cache_write=1.25),
    "claude-opus-4-5": _OPUS,
    "claude-opus-4-6": _OPUS,
    "claude-opus-4-7": _OPUS,
    "claude-opus-4-8": _OPUS,
    "claude-opus-5": _OPUS,
    "claude-opus-5-5": Price(input=4.0, output=20.0, cache_read=0.20, cache_write=5.0),
}
FREE = Price(input=0.0, output=0.0)


def price_of(weights: str, own: Mapping[str, Price]) -> Price | None:
    """The price of a model, also under its dated name (`-20250929`); None if the table has none."""
    table = {**DEFAULTS, **own}
    plain, _, date = weights.rpartition("-")
    return table.get(weights) or (table.get(plain) if date.isdigit() and len(date) == 8 else None)


def usd(price: Price, usage: Usage) -> float:
    """The cost of a call in US dollars."""
    read = price.input if price.cache_read is None else price.cache_read
    write = price.input if price.cache_write is None else price.cache_write
    cost = usage.input * price.input + usage.output * price.output
    return (cost + usage.cache_read * read + usage.cache_write * write) / 1e6
