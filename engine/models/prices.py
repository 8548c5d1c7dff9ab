"""Prices in US dollars per million tokens, by model; `[prices]` in sia.toml adds to them and overrides them."""

from __future__ import annotations

from collections.abc import Mapping

from engine.models.known_models import MODELS
from engine.usage import Usage
from engine.user_settings import Price

DEFAULTS: Mapping[str, Price] = {one.name: Price(**one.price) for one in MODELS if one.price is not None}
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
