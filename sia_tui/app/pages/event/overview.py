"""One event, whole: what happened, who it chains to, and its payload."""

from __future__ import annotations

import json

import msgspec

from engine.events import types as t
from engine.events.event import Event
from sia_tui.app.model.snapshot import Moment
from sia_tui.app.pages.event import model_call as calling
from sia_tui.app.pages.generation import analysis
from sia_tui.app.pages.generation import overview as generation
from sia_tui.app.pages.instance import trajectory as instance
from sia_tui.app.rows.event_line import clock, told
from sia_tui.app.rows.row import BLANK, Page, Row, Target, fact, heading, prose, row


def build(moment: Moment, target: Target, width: int) -> Page:
    """Event `target.first`; results, verdicts and analyses come first as what they are about."""
    event = moment.reader.event(moment.run, int(target.first))
    payload = event.payload
    rows = [row(*told(event)), fact("event", f"{event.n:,} · {event.type} · {clock(event.at)}")]
    rows += _about(moment, event, payload, width)
    rows += [BLANK, heading("payload")]
    rows += [line for text in json.dumps(msgspec.to_builtins(payload), indent=2, ensure_ascii=False).split("\n")
             for line in prose(text, width, "code")]  # fmt: skip
    for name in payload.blobs():
        rows.append(row((f"contents {name[:12]}", "accent"), to=Target("blob", name)))
    rows += [BLANK, fact("hash", (event.hash, "dim")), fact("follows", (event.prev_hash, "dim"))]
    return Page(f"event {event.n:,}", rows)


def _about(moment: Moment, event: Event, payload: t.Payload, width: int) -> list[Row]:
    match payload:
        case t.InstanceFinished():
            to = Target("instance", payload.instance, event.generation)
            page = instance.build(moment, to, width)
            return [row(("its trajectory through all generations", "accent"), to=to), BLANK, *page.rows]
        case t.GateDecided():
            return list(generation.verdict(moment, Target("verdict", event.generation), width).rows)
        case t.AnalysisFinished():
            return list(analysis.build(moment, Target("analysis", event.generation), width).rows)
        case t.ModelCalled():
            return [BLANK, *calling.called(moment, payload, width)]
        case t.ToolCalled():
            return [BLANK, *calling.used(moment, payload, width)]
        case t.HarnessWritten(number=number):
            return [row(("its files and its difference", "accent"), to=Target("harness", number))]
        case _:
            return []


def blob(moment: Moment, target: Target, width: int) -> Page:
    """The contents that `target.first` names, as text."""
    text = instance.text_of(moment, str(target.first))
    return Page(f"contents {str(target.first)[:12]}", prose(text, width, "code", limit=2_000))
