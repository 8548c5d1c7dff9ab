"""Playing a past run: the lines of the live run, at a pace or step by step, from any event."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import click
from rich.console import Console
from rich.markup import escape
from rich.text import Text

from engine.core.state import State
from engine.events import types as t
from engine.events.event import Event
from sia_tui.cli.console import console
from sia_tui.cli.formats import plural
from sia_tui.cli.headlines import headline
from sia_tui.cli.output import plain, say

LONGEST_S = 10.0
"""No pause is longer than this, whatever the speed."""


class Window(NamedTuple):
    """The events to print; all others are skipped."""

    first: int = 1
    last: int | None = None
    generation: int | None = None


class Frame(NamedTuple):
    """An event and its line; `text` has rich markup."""

    event: Event
    text: str

    def as_json(self) -> dict[str, object]:
        """The frame for `--json`, with plain text."""
        event = self.event
        text = Text.from_markup(self.text).plain
        return {"n": event.n, "at": event.at, "generation": event.generation, "type": event.type, "text": text}


def frames(steps: Iterable[tuple[Event, State]], window: Window) -> Iterator[Frame]:
    """The lines of the events in `window`; reads nothing after it."""
    for event, state in steps:
        if window.last is not None and event.n > window.last:
            return
        if event.n < window.first or window.generation not in (None, event.generation):
            continue
        payload = event.payload
        if (text := _run_line(payload, state) or headline(event, payload)) is not None:
            yield Frame(event, text)


def _run_line(payload: t.Payload, state: State) -> str | None:
    """The line of an event of the run as a whole; a live run prints these before and after all others."""
    run = escape(plain(state.name))
    match payload:
        case t.RunStarted():
            generations = plural(state.settings.generations, "generation")
            asked = f"{generations} · seed {state.settings.seed} · agent {state.settings.agent}"
            return f"{run}: {escape(plain(state.domain.title))} · {escape(asked)}"
        case t.RunForked(name=name, parent=parent, at=at):
            return f"{escape(plain(name))} forked from {escape(plain(parent))} at event {at}"
        case t.RunRenamed(name=name):
            return f"renamed to {escape(plain(name))}"
        case t.RunRelinked(source=source, data=data):
            return f"the task is now {escape(plain(' with '.join(filter(None, (source, data)))))}"
        case t.RunNoted(text=text):
            return f"note: {escape(plain(text))}"
        case t.LossAccepted(n=n, by=by):
            return f"events up to {n} were lost, and {escape(plain(by))} goes on without them"
        case t.RunResumed():
            return f"{run} resumed"
        case t.RunPaused() | t.RunStopped() | t.RunFinished() | t.RunFailed():
            why = f": {escape(plain(state.reason))}" if state.reason else ""
            return f"{run} {state.status}{why}"
        case _:
            return None


def play(played: Iterable[Frame], speed: float) -> None:
    """Prints the frames with the pauses of the run divided by `speed`; 0 prints all at once."""
    out = console(soft_wrap=True)
    before: int | None = None
    for frame in played:
        if speed > 0 and before is not None:
            time.sleep(min(LONGEST_S, max(0, frame.event.at - before) / 1e6 / speed))
        before = frame.event.at
        _print(out, frame)


def step(played: Iterable[Frame], key: Callable[[], str] = click.getchar) -> None:
    """Prints a frame per key: `g` prints up to the next generation, `q` ends, any other key prints one."""
    out = console(soft_wrap=True)
    say("Enter: next line · g: next generation · q: quit")
    until: int | None = None
    for frame in played:
        if until is None or frame.event.generation > until:
            until = None
            try:
                pressed = key()
            except EOFError:
                return
            if pressed in ("q", "Q", "\x04"):
                return
            if pressed in ("g", "G"):
                until = frame.event.generation
        _print(out, frame)


def _print(out: Console, frame: Frame) -> None:
    out.print(plain(f"{frame.event.n:>6}  {frame.text}"))
