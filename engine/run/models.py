"""The language models of a run: their references, prices, and opening them."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable
from pathlib import Path

import msgspec

from engine.agents.protocol import MAX_TOKENS
from engine.errors import SiaError
from engine.events import types as t
from engine.grading.live_work import Calls
from engine.models.calling import Caller, CallPolicy, Ledger, PricedModel
from engine.usage import Usage

Report = Callable[[str], None]
_ELSEWHERE = ("anthropic", "openai")
"""Backends that are cheap to open, so that a missing key is found before anything else is done."""


class Callers(msgspec.Struct, frozen=True):
    """The callers of the task model, of the agents' model and of the judge; None where the run has none."""

    task: Caller | None
    agent: Caller | None
    judge: Caller | None

    @classmethod
    def of(cls, ledger: Ledger, *served: PricedModel | None) -> Callers:
        """Callers of the served task model, agent model and judge, on one ledger; one limiter for each model."""
        limiters = {id(one.model): one.policy.limiter() for one in served if one is not None}
        return cls(*(None if one is None else Caller(one, ledger, limiters[id(one.model)]) for one in served))

    @property
    def in_flight(self) -> Calls | None:
        """The calls that are with a server: those of the model that has not replied for the longest time."""
        found = (
            Calls(caller.model.weights, len(sent), min(sent))
            for caller in (self.task, self.agent, self.judge)
            if caller is not None and (sent := caller.in_flight.with_server.values())
        )
        return min(found, key=lambda calls: calls.since, default=None)


def references(settings: t.Settings) -> set[str]:
    """The models that a run needs, as its settings name them."""
    return {settings.model, settings.agent_model, settings.judge} - {""}


def full_reference(reference: str) -> str:
    """`reference` as `BACKEND:NAME`, defaults spelt out; raises `SiaError` where it names no model."""
    from engine.models.catalog import parse

    if not reference:
        return ""
    found = parse(reference)
    return f"{found.backend}:{found.name}" + (f"@{found.at}" if found.at else "")


def is_trainable(reference: str) -> bool:
    """Whether the weights lever can train that model."""
    from engine.models.catalog import parse, trainable

    return bool(reference) and trainable(parse(reference))


def price(reference: str, folder: Path) -> Callable[[Usage], float] | None:
    """US dollars by usage; None where there is no model. A model without a known price counts 0: see `unpriced`."""
    if not reference:
        return None
    from engine.models import catalog, prices
    from engine.user_settings import read

    table = catalog.price(catalog.parse(reference), read(folder).settings)
    return functools.partial(prices.usd, table or prices.FREE)


class ModelFacts(msgspec.Struct, frozen=True):
    """What is known of a model: its window in tokens, 0 if not; dollars for a million tokens, None if not."""

    window: int = 0
    usd_in: float | None = None
    usd_out: float | None = None


def facts(reference: str, folder: Path) -> ModelFacts:
    """What the tables and the settings of the workspace `folder` say of a model."""
    from engine.models import catalog
    from engine.models.known_models import known
    from engine.user_settings import read

    if not reference:
        return ModelFacts()
    parsed, chosen = catalog.parse(reference), read(folder).settings
    price_ = catalog.price(parsed, chosen)
    window = known(parsed.name, chosen.models.get(parsed.name)).window
    return ModelFacts(window, price_.input if price_ else None, price_.output if price_ else None)


def unpriced(settings: t.Settings, folder: Path) -> list[str]:
    """The models of a run whose price is not known, as its settings name them."""
    from engine.models import catalog
    from engine.user_settings import read

    chosen = read(folder).settings
    return sorted(one for one in references(settings) if catalog.price(catalog.parse(one), chosen) is None)


async def check(settings: t.Settings, folder: Path) -> None:
    """Raises `SiaError` for a model without a key; where dollars are capped, for an unknown price or too low a cap."""
    from engine.models import catalog

    async with contextlib.AsyncExitStack() as opened:
        for reference in references(settings):
            if catalog.parse(reference).backend in _ELSEWHERE:
                served = await serve(reference, settings, folder)
                opened.push_async_callback(served.model.close)
                cap, needed = settings.budget.usd, served.price(Usage(output=MAX_TOKENS))
                if reference == settings.agent_model and cap is not None and needed > cap:
                    raise SiaError(
                        f"a budget of {cap:g} US dollars is too small for one call of the agent, for whose reply "
                        f"{needed:.2g} is reserved",
                        "pass a higher --budget-usd; `sia run --dry-run` says what a run may cost",
                    )


async def serve(
    reference: str, settings: t.Settings, folder: Path, report: Report = lambda _: None, adapters: Path | None = None
) -> PricedModel:
    """The model that `reference` names, under the settings of the workspace `folder`; raises `SiaError`."""
    from engine.models import catalog, prices
    from engine.models.known_models import known
    from engine.user_settings import read

    chosen = read(folder).settings
    parsed = catalog.parse(reference)
    table = catalog.price(parsed, chosen)
    if table is None and settings.budget.usd is not None:
        raise SiaError(
            f"the price of {parsed.name} is not known, so a budget of dollars cannot be kept",
            "add it to [prices] in sia.toml, or leave --budget-usd out",
        )
    effort = known(parsed.name, chosen.models.get(parsed.name)).effort
    policy = CallPolicy(catalog.in_flight(parsed, chosen), attempts=1 + chosen.retries, patience_s=60 * chosen.patience)
    model = await catalog.open_model(parsed, chosen, adapters=adapters, report=report)
    return PricedModel(
        model, functools.partial(prices.usd, table or prices.FREE), policy, priced=table is not None, effort=effort
    )
