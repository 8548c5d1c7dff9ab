"""An event that a search over runs has found, in one line."""

from __future__ import annotations

from engine.events import types as t
from sia_tui.app.model.runs_search import FoundEvent
from sia_tui.app.rows.event_line import event_summary
from sia_tui.app.rows.row import Span


def found_spans(found: FoundEvent) -> tuple[Span, ...]:
    """Generation, number, the instance or the type, and the line found."""
    event = found.event
    what = event.payload.instance if isinstance(event.payload, t.InstanceFinished) else event.type
    generation = f"gen {event.generation}" if event.generation else ""
    return (
        (f"{generation:>6} {event.n:>7,}  ", "dim"),
        (f"{what}  ", ""),
        (f"{found.field}: " if found.field else "", "dim"),
        (found_line(found), "accent"),
    )


def found_line(found: FoundEvent) -> str:
    """The line that contains the text; what happened, where that says it or nothing is sought."""
    happened = "".join(text for text, _ in event_summary(found.event)).strip()
    return happened if found.text in happened.lower() and not found.field else found.line
