"""What was said to a language model and what it said, and what an agent's tools were asked and answered."""

from __future__ import annotations

import json
from typing import Any

from engine.events import types as t
from sia_tui.app.model.snapshot import Moment
from sia_tui.app.pages.instance.trajectory import text_of
from sia_tui.app.rows.row import BLANK, Row, fact, heading, prose, seconds


def called(moment: Moment, call: t.ModelCalled, width: int) -> list[Row]:
    """A call: its place, what it took, every message of the request, the reply."""
    usage = call.usage
    cached = f", {usage.cache_read:,} of them cached" if usage.cache_read else ""
    rows = [
        fact("role", f"{call.role}, {call.place} call {call.ordinal}"),
        fact("weights", call.weights + (f" with {call.adapter[:12]}" if call.adapter else "")),
        fact("tokens", f"{usage.input + usage.cache_read:,} in{cached}, {usage.output:,} out"),
        fact("took", "taken from the lineage" if call.reused else f"{seconds(call.latency_s)}, {call.usd:.4f} USD"),
        fact("finish", call.finish),
    ]
    for message in _decoded(text_of(moment, call.request), "messages"):
        rows += [BLANK, heading(str(message.get("role", "?"))), *_message(message, width)]
    reply = _object(text_of(moment, call.reply))
    rows += [BLANK, heading("reply"), *prose(str(reply.get("text", "")), width, "strong", limit=800)]
    return rows + _asked(reply.get("calls"), width)


def used(moment: Moment, tool: t.ToolCalled, width: int) -> list[Row]:
    """A tool with its arguments and its result."""
    rows = [fact("tool", (tool.name, "bad" if tool.failed else "accent"), f"  {tool.place} call {tool.ordinal}")]
    for name, blob in (("arguments", tool.arguments), ("result", tool.result)):
        rows += [BLANK, heading(name), *prose(text_of(moment, blob), width, limit=800)]
    return rows


def _message(message: dict[str, Any], width: int) -> list[Row]:
    return [*prose(str(message.get("text", "")), width, limit=800), *_asked(message.get("calls"), width)]


def _asked(calls: Any, width: int) -> list[Row]:
    rows: list[Row] = []
    for call in calls or ():
        rows += prose(
            f"asks {call.get('name')}({json.dumps(call.get('arguments'), ensure_ascii=False)})", width, "accent"
        )
    return rows


def _object(text: str) -> dict[str, Any]:
    """A JSON object; what is none stands under `text`."""
    try:
        found = json.loads(text)
    except ValueError:
        return {"text": text}
    return found if isinstance(found, dict) else {"text": text}


def _decoded(text: str, name: str) -> list[dict[str, Any]]:
    found = _object(text)
    rows = found.get(name)
    return rows if isinstance(rows, list) else [{"role": "request", "text": found.get("text", text)}]
