"""Choosing the agent of new runs: what can work here is listed, the chosen one is tried, and written to sia.toml."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from engine.errors import SiaError
from sia_tui.app.screens.form_field import FormField, Values
from sia_tui.app.screens.main import MainScreen

if TYPE_CHECKING:
    from engine.agents.offers import Offer


async def choose(main: MainScreen) -> None:
    """As `sia setup`."""
    from engine import own_settings
    from engine.agents import first_call
    from engine.agents.offers import offers
    from engine.loop.chosen_agent import named
    from engine.run.domain_session import choose_isolation
    from engine.user_settings import own
    from sia_tui.app.screens.form import Form

    try:
        main.note = "looking for coding agents, keys and servers ..."
        main.refresh_bars()
        settings = own()
        with main.opening():  # clients are asked for their versions
            found = await asyncio.to_thread(lambda: asyncio.run(offers(settings)))
    finally:
        main.note = ""
    fields = [
        FormField("agent", settings.agent, known=[one.agent for one in found]),
        FormField("agent-model", settings.agent_model, "empty: the agent's own"),
    ]

    async def submit(values: Values) -> bool:
        chosen = named(found, values.get("agent", settings.agent), values.get("agent-model"))
        isolation = await asyncio.to_thread(choose_isolation, unsafe=False)
        answered = await asyncio.to_thread(lambda: asyncio.run(first_call.call(chosen, settings, isolation)))
        path = own_settings.put({"agent": chosen.agent, "agent_model": chosen.model})
        said = f"{chosen.agent} answers in {answered.seconds:g} s. " if answered else ""
        main.notify(f"{said}From now on it is the agent of new runs ({path}).", markup=False)
        return True

    intro = [_line(one) for one in found]
    form = Form("The agent of new runs", intro, fields, _changed, submit=submit, button="Try it", goes_on=False)
    await main.app.push_screen_wait(form)


def _changed(values: Values) -> None:
    if not values:
        raise SiaError("no other agent is named", "name one, or press esc")


def _line(offer: Offer) -> str:
    name = f"{offer.agent} {offer.model}".strip()
    return f"{name}: {offer.cost}; {offer.how}" if offer.usable else f"({name}: {offer.how})"
