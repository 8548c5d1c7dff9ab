"""Choosing the agent of new runs: what can work here is listed, the chosen one is tried, and written to sia.toml."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from engine.errors import SiaError
from sia_tui.app.screens.form import Form, FormField
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

    try:
        main.note = "looking for coding agents, keys and servers ..."
        main.refresh_bars()
        settings = own()
        found = await asyncio.to_thread(lambda: asyncio.run(offers(settings)))  # clients are asked for their versions
        main.note = ""
        fields = [FormField("agent", settings.agent), FormField("agent-model", settings.agent_model)]
        intro = [_line(one) for one in found]
        values = await main.app.push_screen_wait(Form("The agent of new runs", intro, fields))
        if not values:
            return
        agent = values.get("agent", settings.agent)
        chosen = named(found, agent, values.get("agent-model"))
        main.note = f"asking {chosen.agent} ..."
        main.refresh_bars()
        isolation = await asyncio.to_thread(choose_isolation, unsafe=False)
        answered = await asyncio.to_thread(lambda: asyncio.run(first_call.call(chosen, settings, isolation)))
        path = own_settings.put({"agent": chosen.agent, "agent_model": chosen.model})
    except SiaError as error:
        main.fail(error)
        return
    finally:
        main.note = ""
    said = f"{chosen.agent} answers in {answered.seconds:g} s. " if answered else ""
    main.notify(f"{said}From now on it is the agent of new runs ({path}).", markup=False)


def _line(offer: Offer) -> str:
    name = f"{offer.agent} {offer.model}".strip()
    return f"{name}: {offer.cost}; {offer.how}" if offer.usable else f"({name}: {offer.how})"
