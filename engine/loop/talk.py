"""Talking with the agent of a run that no engine holds. What is said changes nothing, until it is given as a hint."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Sequence

from msgspec.structs import replace

from engine import trust
from engine.agents.choice import LANGUAGE_MODELS
from engine.errors import SiaError
from engine.events import types as t
from engine.loop.launch import reopen
from engine.run.domain_session import Report
from engine.run.live_run import Observer, Run
from engine.run.models import full_reference
from engine.run.named_paths import models_of
from engine.run.options import agents_model
from engine.run.workspace import Workspace
from engine.steps.talk import exchange

MAX_QUESTION = 20_000


def check(question: str) -> None:
    """Raises `SiaError` for a text that is no question."""
    if not question.strip() or len(question) > MAX_QUESTION:
        raise SiaError(f"a question has 1 to {MAX_QUESTION} characters", "shorten it, or write something")


@contextlib.asynccontextmanager
async def opened(
    workspace: Workspace,
    reference: str,
    *,
    agent: str = "",
    agent_model: str = "",
    observers: Sequence[Observer] = (),
    report: Report,
    unsafe: bool = False,
) -> AsyncIterator[Run]:
    """Holds a run for questions (`steps.talk.ask`), with its agent's model or the one that is named here.

    Raises `Held` while an engine works on the run, `Untrusted` as `reopen` does, and `SiaError`.
    """

    def asked(settings: t.Settings) -> t.Settings:
        now = with_model(settings, agent, agent_model)
        for place in models_of(now) if agent_model else []:
            trust.remember_named(place)  # its user has just named it
        return now

    async with reopen(
        workspace,
        reference,
        workers=1,
        observers=observers,
        report=report,
        resume=False,
        change=asked,
        models=lambda now: {now.agent_model},
        unsafe=unsafe,
    ) as run:
        yield run


def with_model(settings: t.Settings, agent: str, agent_model: str) -> t.Settings:
    """The settings with the language model that is asked: the run's own, unless one is named."""
    chosen = agent or settings.agent
    if chosen not in LANGUAGE_MODELS:
        raise SiaError(
            f"the agent {chosen} is no language model, and answers no questions",
            f"`sia talk` with --agent {' or '.join(LANGUAGE_MODELS)} asks one that does",
        )
    own = not agent and not agent_model
    model = settings.agent_model if own else full_reference(agents_model(chosen, agent_model))
    return replace(settings, agent=chosen, agent_model=model, script="", client_model="")


def proposed_hint(workspace: Workspace, reference: str) -> str:
    """The hint that the agent's last answer proposes; raises `SiaError` where there is none."""
    with contextlib.closing(workspace.reader()) as reader:
        row = reader.find(reference)
        said = [event.payload for event in reader.history(row.run) if isinstance(event.payload, t.RunTalked)]
        last = exchange(reader, said[-1]) if said else None
    if last is None or not last[1].hint.strip():
        raise SiaError(
            f"no answer of {row.name}'s agent proposes a hint",
            f'ask for one, or write your own: `sia hint {row.name} "..."`',
        )
    return last[1].hint
