"""One event: what it says, its payload, and its place in the chain of hashes."""

from __future__ import annotations

import json

import msgspec

from engine.events import types as t
from engine.events.event import Event
from sia_tui.app.model.snapshot import RunSnapshot
from sia_tui.app.pages.event.calls import errand_rows, model_call_rows, talk_rows, tool_call_rows
from sia_tui.app.pages.generation import analysis, verdict
from sia_tui.app.pages.instance import trajectory
from sia_tui.app.rows.code import code_rows
from sia_tui.app.rows.event_line import event_summary
from sia_tui.app.rows.row import BLANK, Page, Row, Target, field, heading, row
from sia_tui.app.rows.units import format_time


def build(snapshot: RunSnapshot, target: Target, width: int) -> Page:
    """Event `target.first`; results, verdicts and Analyses start with the page about them."""
    event = snapshot.reader.event(snapshot.run_id, int(target.first))
    payload = event.payload
    rows = [
        row(*event_summary(event)),
        field("event", f"{event.n:,} · {event.type} · {format_time(event.at)}"),
        *_subject(snapshot, event, width),
        BLANK,
        heading("payload"),
    ]
    rows += code_rows(
        json.dumps(msgspec.to_builtins(payload), indent=2, ensure_ascii=False), width, "json", limit=2_000
    )
    rows += [row((f"blob {name[:12]}", "accent"), to=Target("blob", name)) for name in payload.blobs()]
    rows += [BLANK, field("hash", (event.hash, "dim")), field("previous", (event.prev_hash, "dim"))]
    return Page(f"event {event.n:,}", rows)


def _subject(snapshot: RunSnapshot, event: Event, width: int) -> list[Row]:
    """What the event is about, where there is a page about it."""
    payload, generation = event.payload, event.generation
    match payload:
        case t.InstanceFinished(instance=instance):
            target = Target("instance", instance, generation)
            page = trajectory.build(snapshot, target, width)
            return [row(("its trajectory through all generations", "accent"), to=target), BLANK, *page.rows]
        case t.GateDecided():
            return list(verdict.build(snapshot, Target("verdict", generation), width).rows)
        case t.AnalysisFinished():
            return list(analysis.build(snapshot, Target("analysis", generation), width).rows)
        case t.ModelCalled():
            return [BLANK, *model_call_rows(snapshot, payload, width)]
        case t.ToolCalled():
            return [BLANK, *tool_call_rows(snapshot, payload, width)]
        case t.RunTalked():
            return [BLANK, *talk_rows(snapshot, payload, width)]
        case t.ClientFinished():
            return [BLANK, *errand_rows(snapshot, payload, width)]
        case t.HarnessWritten(number=number):
            return [row(("its files and its difference", "accent"), to=Target("harness", number))]
        case _:
            return []
