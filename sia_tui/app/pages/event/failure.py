"""A failure: what failed, why, and the traceback."""

from __future__ import annotations

from engine.events import types as t
from engine.events.event import Event
from sia_tui.app.model.failures import failure_of, failures_of
from sia_tui.app.model.snapshot import RunSnapshot
from sia_tui.app.pages.blob import blob_text
from sia_tui.app.rows.row import BLANK, Page, Row, Target, empty_page, field, heading, row
from sia_tui.app.rows.text import wrap
from sia_tui.cli.formats import STEP_NAMES, plural

_LIMIT = 2_000


def build(snapshot: RunSnapshot, target: Target, width: int) -> Page:
    """The failure that event `target.first` records."""
    event = snapshot.reader.event(snapshot.run_id, int(target.first))
    failure = failure_of(event)
    if failure is None:
        return empty_page("failure", "nothing failed in this event")
    rows: list[Row] = [
        *wrap(failure.message, width, "bad"),
        BLANK,
        field("where", (_place(event), "accent"), to=Target("event", event.n)),
        field("kind", failure.kind),
    ]
    if found := failures_of(snapshot, event.generation):
        text = f"{found.failed:,} of {plural(found.results, 'result')} of generation {event.generation}"
        rows.append(field("in all", (text, "accent"), to=Target("generation", event.generation)))
    rows += [BLANK, heading("traceback")]
    if name := _blob(event):
        return Page("failure", [*rows, *wrap(blob_text(snapshot, name), width, "code", limit=_LIMIT)])
    return Page("failure", [*rows, row(("none: it left no log", "dim"))])


def _place(event: Event) -> str:
    n = f"generation {event.generation}"
    match event.payload:
        case t.HarnessPrepared():
            return f"prepare of {n}, before any instance"
        case t.InstanceFinished(split=split, instance=instance):
            return f"{instance} of {split}, {n}"
        case t.StepFailed(kind=kind, attempt=attempt):
            return (
                f"{STEP_NAMES[kind]} of {n}, attempt {attempt}"
                if event.generation
                else f"{STEP_NAMES[kind]}, attempt {attempt}"
            )
        case t.ProbeFinished(ordinal=ordinal):
            return f"probe {ordinal} of {n}"
        case _:
            return f"event {event.n:,}"


def _blob(event: Event) -> str:
    """The blob with the traceback: the log of what failed."""
    match event.payload:
        case t.HarnessPrepared(log=name) | t.InstanceFinished(log=name):
            return name
        case t.StepFailed(traceback=name) | t.ProbeFinished(report=name):
            return name
        case _:
            return ""
