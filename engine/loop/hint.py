"""A hint: a person's words to the Feedback-Agent, an event of the run, read from the next Analysis on.

A live engine records it at once; where none is live, it is appended here.
"""

from __future__ import annotations

import contextlib

from engine.agents.choice import reads_words
from engine.core.decide import gave_up
from engine.core.state import State, fold
from engine.errors import SiaError
from engine.events import types as t
from engine.events.log import RunLog
from engine.loop.control_socket import Hint, send
from engine.run.workspace import Workspace

MAX_HINT = 4000


def check(text: str) -> None:
    """Raises `SiaError` for a text that is no hint."""
    if not text.strip() or len(text) > MAX_HINT:
        raise SiaError(f"a hint has 1 to {MAX_HINT} characters", "shorten it, or write something")


def give(workspace: Workspace, reference: str, hint: Hint) -> tuple[State, str]:
    """Records a hint; returns the run's state before it, and in a sentence when it will be read.

    Raises `Held` while an engine holds the run that takes no hints: it starts, ends or reads the sealed test.
    """
    check(hint.text)
    with contextlib.closing(workspace.reader()) as reader:
        row = reader.find(reference)
        state = fold(reader.outline(row.run))
    live = send(workspace.path, row.run, hint)
    if not live:
        with contextlib.closing(RunLog.hold(workspace.path, row.run)) as log:
            log.append([(row.generation, t.RunHinted(hint.text, hint.by))])
    return state, _when(state, row.name, live=live)


def _when(state: State, name: str, *, live: bool) -> str:
    """When the agent of the run reads a hint that is given now."""
    settings = state.settings
    if settings.script or not reads_words(settings.agent):
        return f"{name} has the hint, but its agent reads no words; a fork from here with `--set agent=claude` does"
    if state.status == "finished" and not gave_up(state):
        more = state.generation + 1
        return (
            f"{name} is finished: the hint is read by `sia resume {name} --generations {more}`, or by a fork from here"
        )
    if live:
        return f"{name} has the hint; its agent reads it at the next Analysis"
    return f"{name} has the hint; its agent reads it at the first Analysis after `sia resume {name}`"
