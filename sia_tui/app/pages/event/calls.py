"""Calls: the request and the reply of a model, the arguments and the result of a tool, a question and its answer."""

from __future__ import annotations

from typing import Any

from engine.events import types as t
from engine.queries import calls
from sia_tui.app.model.snapshot import RunSnapshot
from sia_tui.app.pages.blob import blob_text
from sia_tui.app.rows.code import code_rows, language_in
from sia_tui.app.rows.row import BLANK, Row, Span, field, heading
from sia_tui.app.rows.text import wrap
from sia_tui.app.rows.units import format_duration
from sia_tui.cli.formats import plural

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
    for message in calls.messages(calls.parsed(blob_text(snapshot, call.request))):
        rows += [BLANK, heading(str(message.get("role", "?")))]
        rows += code_rows(str(message.get("text", "")), width, "markdown", limit=_MAX_ROWS)
        rows += _tool_requests(message, width)
    found = calls.parsed(blob_text(snapshot, call.reply))
    reply = found if isinstance(found, dict) else {"text": calls.as_text(found)}
    rows += [BLANK, heading("reply"), *code_rows(str(reply.get("text", "")), width, "markdown", limit=_MAX_ROWS)]
    return rows + _tool_requests(reply, width)


def tool_call_rows(snapshot: RunSnapshot, call: t.ToolCalled, width: int) -> list[Row]:
    """A tool call: its place, its arguments, its result."""
    name: Span = (call.name, "bad" if call.failed else "accent")
    rows = [field("tool", name, f"  {call.place} call {call.ordinal}")]
    for title, blob in (("arguments", call.arguments), ("result", call.result)):
        text = blob_text(snapshot, blob)
        rows += [BLANK, heading(title), *code_rows(text, width, language_in(text), limit=_MAX_ROWS)]
    return rows


def errand_rows(snapshot: RunSnapshot, done: t.ClientFinished, width: int) -> list[Row]:
    """A client's errand: its place, its command, its cost, what it was told and what it printed."""
    cost = "unmetered" if done.unmetered else f"{done.usd:.4f} USD"
    rows = [
        field("role", f"{done.role}, {done.place} errand {done.ordinal}"),
        field("client", f"{done.client} {done.release}".strip() + (f" with {done.model}" if done.model else "")),
        field("command", " ".join(done.command)),
        field(
            "tokens", f"{done.usage.total:,}, {done.usage.cache_read:,} of them cached; {plural(done.turns, 'turn')}"
        ),
        field("cost", "reused from the lineage" if done.reused else f"{format_duration(done.wall_s)}, {cost}"),
        field("login", done.login),
        *(field("said", (said, "warn")) for said in done.said),
    ]
    rows += [field("failure", (f"{done.failure.kind}: {done.failure.message}", "bad"))] if done.failure else []
    for title, blob in (("prompt", done.prompt), ("transcript", done.transcript)):
        rows += [BLANK, heading(title), *code_rows(blob_text(snapshot, blob), width, "markdown", limit=_MAX_ROWS)]
    return rows


def talk_rows(snapshot: RunSnapshot, said: t.RunTalked, width: int) -> list[Row]:
    """A person's question, the agent's answer, and the hint that it proposes."""
    found = calls.parsed(blob_text(snapshot, said.answer))
    answer = found if isinstance(found, dict) else {"text": calls.as_text(found)}
    rows = [heading("question"), *wrap(blob_text(snapshot, said.question), width, limit=_MAX_ROWS)]
    rows += [BLANK, heading("answer"), *wrap(str(answer.get("text", "")), width, "strong", limit=_MAX_ROWS)]
    if hint := answer.get("hint"):
        given = "`sia talk RUN --hint` gives it to the agent; H gives one in your words"
        rows += [BLANK, heading("proposed hint", given), *wrap(str(hint), width, "accent")]
    return rows


def _tool_requests(message: dict[str, Any], width: int) -> list[Row]:
    """The tool calls that a message asks for."""
    rows: list[Row] = []
    for call in message.get("calls") or ():
        rows += wrap(f"calls {call.get('name')}({calls.as_text(call.get('arguments'))})", width, "accent")
    return rows
