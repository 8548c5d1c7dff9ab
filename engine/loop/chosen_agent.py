"""The agent that a user names, among those that can work here."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from engine.agents.choice import make_agent
from engine.agents.offers import NAME, Offer
from engine.clients.table import client_of
from engine.errors import SiaError
from engine.models import catalog
from engine.run.options import agents_model


def named(found: Sequence[Offer], agent: str, model: str | None) -> Offer:
    """The offer of that agent, also of one that is not on the list, such as a program of the user's.

    Raises `SiaError` for an agent that is not known, cannot be used here, or has another model.
    """
    chosen = _offer(found, agent, model)
    if not chosen.usable:
        raise SiaError(f"{chosen.what} cannot be used here: {chosen.how}", chosen.remedy)
    return chosen


def _offer(found: Sequence[Offer], agent: str, model: str | None) -> Offer:
    whole = [one for one in found if not one.model.endswith(f":{NAME}")]
    offered = [one for one in whole if one.agent == agent and model in (None, one.model)]
    if offered:
        return next((one for one in offered if one.usable), offered[0])
    make_agent(agent, "")
    if (client := client_of(agent)) is None:
        if reference := agents_model(agent, model or ""):
            catalog.parse(reference)
        return Offer(agent, reference, agent, "", True, "")
    known = next((one for one in found if one.agent == agent), Offer(agent, "", client.title, "", True, ""))
    return msgspec.structs.replace(known, model=model or "")
