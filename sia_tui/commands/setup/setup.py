"""setup: find the agents that can work here, try one with a small call, and make it the usual one."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

import click

from sia_tui.cli.formats import plural
from sia_tui.cli.options import Shared, shared_options
from sia_tui.cli.output import echo, print_json, say

if TYPE_CHECKING:
    from engine.agents.first_call import Answered
    from engine.agents.offers import Offer


@click.command("setup")
@click.option("--agent", help="The agent to set up; without it, you are asked.")
@click.option("--agent-model", help="Its language model, as MODEL in `sia models`.")
@click.option("--no-call", is_flag=True, help="Do not try it with a small call.")
@shared_options
def setup(agent: str | None, agent_model: str | None, *, no_call: bool, shared: Shared) -> None:
    """Find the agents that can work here: installed coding agents, keys, running servers. The one that you choose is
    tried with one small call and written into your own sia.toml.

    Example: sia setup --agent search
    """
    from engine.agents.offers import offers
    from engine.loop.chosen_agent import named
    from engine.user_settings import own

    say("Looking for coding agents, keys and servers …")
    settings = own()
    found = asyncio.run(offers(settings))
    if agent is None:
        if shared.as_json:
            print_json({"agents": found})
            return
        _list(found)
        if not sys.stdin.isatty() or shared.headless:
            echo("Choose one with:  sia setup --agent AGENT [--agent-model MODEL]")
            return
        chosen = _ask(found)
    else:
        chosen = named(found, agent, agent_model)
    if chosen is None:
        return
    _set_up(chosen, shared, no_call=no_call)


def _list(found: list[Offer]) -> None:
    from sia_tui.cli.tables import table

    table(
        ["", "", "agent", "model", "what", "cost", "here", "remedy"],
        [
            [place, "ok" if one.usable else "--", one.agent, one.model, one.what, one.cost, one.how, one.remedy]
            for place, one in enumerate(found, 1)
        ],
    )


def _ask(found: list[Offer]) -> Offer | None:
    """The offer that the user chooses at the terminal."""
    import msgspec

    from engine.agents.offers import NAME
    from engine.errors import SiaError

    usable = [place for place, one in enumerate(found, 1) if one.usable]
    place: int = click.prompt(
        "Which agent (a number, 0 for none)", type=click.IntRange(0, len(found)), default=usable[0], err=True
    )
    if not place:
        return None
    chosen = found[place - 1]
    if not chosen.usable:
        raise SiaError(f"{chosen.what} cannot be used here: {chosen.how}", chosen.remedy)
    if chosen.model.endswith(f":{NAME}"):
        name = click.prompt("The name of the model there", err=True)
        return msgspec.structs.replace(chosen, model=chosen.model.removesuffix(NAME) + name)
    return chosen


def _set_up(chosen: Offer, shared: Shared, *, no_call: bool) -> None:
    from engine import own_settings
    from engine.user_settings import read

    answered = None if no_call else _call(chosen)
    path = own_settings.put({"agent": chosen.agent, "agent_model": chosen.model})
    said = read(shared.workspace.path).origins
    others = [
        f"{row.key} = {row.value} ({row.origin})" for row in said if row.key == "agent" and row.origin != str(path)
    ]
    if shared.as_json:
        print_json({"agent": chosen.agent, "agent_model": chosen.model, "file": str(path), "answered": answered})
        return
    named = f"{chosen.agent} with {chosen.model}" if chosen.model else chosen.agent
    echo(f"{path}: from now on the agent is {named}.")
    for one in others:
        say(f"Here another setting comes first: {one}.")
    echo("Start with:  sia run lawbench --dry-run    sia run lawbench")


def _call(chosen: Offer) -> Answered | None:
    from engine.agents import first_call
    from engine.run.domain_session import choose_isolation
    from engine.user_settings import own

    answered = asyncio.run(first_call.call(chosen, own(), choose_isolation(unsafe=False), say))
    if answered is not None:
        paid = f"${answered.usd:.4f}" if answered.usd is not None else "price not known"
        used = plural(answered.tokens, "token") if answered.tokens else "tokens not told"
        say(f"It answers {answered.text!r} in {answered.seconds:g} s, {used}, {paid}.")
    return answered
