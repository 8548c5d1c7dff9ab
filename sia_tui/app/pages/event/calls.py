"""Calls: the request and the reply of a language model, the arguments and the result of a tool."""

from __future__ import annotations

import json
from typing import Any

from engine.events import types as t
from sia_tui.app.model.snapshot import RunSnapshot
from sia_tui.app.pages.blob import blob_text
from sia_tui.app.rows.row import BLANK, Row, Span, field, heading
from sia_tui.app.rows.text import wrap
from sia_tui.app.rows.units import format_duration

_MAX_ROWS = 800


def model_call_rows(snapshot: RunSnapshot, call: t.ModelCalled, width: int) -> list[Row]:
    """A model call: its place, its cost, each message of the request, the reply."""
    usage = call.usage
    cached = f", {usage.cache_read:,} of them cached" if usage.cache_read else ""
    usd = "price unknown" if call.unpriced else f"{call.usd:.4f} USD"
    cost = "reused from the lineage" if call.reused else f"{format_duration(call.latency_s)}, {usd}"
    rows = [
        field("role", f"{call.role}, {call.place} call {call.ordinal}"),
        field("weights", call.weights + (f" with {call.adapter[:12]}" if call.adapter else "")),
        field("tokens", f"{usage.input + usage.cache_read:,} in{cached}, {usage.output:,} out"),
        field("cost", cost),
        field("finish", call.finish),
    ]
    for message in _messages(blob_text(snapshot, call.request)):
        rows += [BLANK, heading(str(message.get("role", "?")))]
        rows += wrap(str(message.get("text", "")), width, limit=_MAX_ROWS)
        rows += _tool_requests(message, width)
    reply = _json_object(blob_text(snapshot, call.reply))
    rows += [BLANK, heading("reply"), *wrap(str(reply.get("text", "")), width, "strong", limit=_MAX_ROWS)]
    return rows + _tool_requests(reply, width)


def tool_call_rows(snapshot: RunSnapshot, call: t.ToolCalled, width: int) -> list[Row]:
    """A tool call: its place, its arguments, its result."""
    name: Span = (call.name, "bad" if call.failed else "accent")
    rows = [field("tool", name, f"  {call.place} call {call.ordinal}")]
    for title, blob in (("arguments", call.arguments), ("result", call.result)):
        rows += [BLANK, heading(title), *wrap(blob_text(snapshot, blob), width, limit=_MAX_ROWS)]
    return rows


def _tool_requests(message: dict[str, Any], width: int) -> list[Row]:
    """The tool calls that a message asks for."""
    rows: list[Row] = []
    for call in message.get("calls") or ():
        arguments = json.dumps(call.get("arguments"), ensure_ascii=False)
        rows += wrap(f"calls {call.get('name')}({arguments})", width, "accent")
    return rows


def _messages(request: str) -> list[dict[str, Any]]:
    content = _json_object(request)
    messages = content.get("messages")
    return messages if isinstance(messages, list) else [{"role": "request", "text": content.get("text", request)}]


def _json_object(text: str) -> dict[str, Any]:
    """`text` as a JSON object; any other text stands under the key `text`."""
    try:
        value = json.loads(text)
    except ValueError:
        return {"text": text}
    return value if isinstance(value, dict) else {"text": text}
