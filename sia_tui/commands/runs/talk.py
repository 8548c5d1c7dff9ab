"""talk: questions of a person to the agent of a run."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from sia_tui.cli import consent
from sia_tui.cli.formats import plural
from sia_tui.cli.options import Shared, shared_options
from sia_tui.cli.output import echo, plain, print_json, say
from sia_tui.cli.processes.engine_process import announce

if TYPE_CHECKING:
    from engine.agents.talk import Answer
    from engine.core.state import State
    from engine.events.event import Event
    from engine.run.live_run import Run

BY = "a person"


@click.command("talk")
@click.argument("reference", metavar="RUN")
@click.argument("question", required=False, default="")
@click.option("--agent", default="", help="Answers in place of the run's agent: claude, openai or local.")
@click.option("--agent-model", default="", help="Language model that answers.  [default: the agent's own]")
@click.option("--hint", "as_hint", is_flag=True, help="Give the agent the hint that its last answer proposed.")
@click.option("--unsafe-no-sandbox", "unsafe", is_flag=True, help="Run harness code without a sandbox.")
@shared_options
def talk(
    reference: str, question: str, agent: str, agent_model: str, as_hint: bool, unsafe: bool, shared: Shared
) -> None:
    """Ask the agent of RUN about it; without QUESTION, ask until you enter nothing. It changes nothing.

    Example: sia talk last "what do the failures of candidate 3 have in common?"
    """
    from engine.loop.talk import check, opened, proposed_hint
    from engine.steps.talk import ask

    if as_hint:
        if question:
            raise click.UsageError("--hint takes no question: it gives the hint of the last answer")
        _give(shared, reference, proposed_hint(shared.workspace, reference))
        return
    if question or shared.headless or shared.as_json or not sys.stdin.isatty():
        check(question)
    consent.ask_for_run(shared, reference)

    async def go() -> None:
        async with opened(
            shared.workspace,
            reference,
            agent=agent,
            agent_model=agent_model,
            observers=[] if shared.as_json else [_show_work],
            report=say,
            unsafe=unsafe,
        ) as run:
            for text in [question] if question else _questions():
                check(text)
                before = run.state.spent
                found = await ask(run, text, BY)
                spent = run.state.spent
                cost = {"usd": spent.usd - before.usd, "tokens": spent.tokens - before.tokens}
                _print(shared, run, text, found, cost)
            announce(shared.announce_fd, run.state.run)  # the app waits for the answer

    asyncio.run(go())


def _questions() -> Iterator[str]:
    """What a person types, line by line, until nothing."""
    while text := click.prompt("question (nothing ends)", default="", show_default=False, err=True).strip():
        yield text


def _show_work(event: Event, _: State) -> None:
    """Says which tools the agent uses, so that a long silence has a reason."""
    from engine.events import types as t

    if isinstance(event.payload, t.ToolCalled):
        say(f"it uses {plain(event.payload.name)}")


def _print(shared: Shared, run: Run, question: str, found: Answer, cost: dict[str, Any]) -> None:
    if shared.as_json:
        print_json({"run": run.state.run, "question": question, "answer": found.text, "hint": found.hint, **cost})
        return
    echo(plain(found.text))
    if found.hint:
        echo(f"\nproposed hint: {plain(found.hint)}")
        echo(f"Give it to the agent with: sia talk {run.state.name} --hint")
    say(f"{plural(cost['tokens'], 'token')}, ${cost['usd']:.4f}")


def _give(shared: Shared, reference: str, text: str) -> None:
    from engine.loop.control_socket import Hint
    from engine.loop.hint import give

    state, when = give(shared.workspace, reference, Hint(text, BY))
    if shared.as_json:
        print_json({"run": state.run, "text": text, "when": when})
    else:
        echo(f"hint: {plain(text)}")
        echo(f"{when}.")
