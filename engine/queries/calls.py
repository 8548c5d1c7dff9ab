"""Calls of language models and of tools as they were made: what was asked, and what came back."""

from __future__ import annotations

from typing import Any

import msgspec

from engine.errors import SiaError
from engine.events import types as t
from engine.events.event import Event
from engine.events.reader import Reader, RunRow
from engine.events.storage import blobs

CALLS = frozenset(kind.type for kind in (t.ModelCalled, t.ModelWasted, t.ToolCalled, t.ClientFinished))
"""The types of events that are calls."""
LEFT_OUT = "(left out when this run was exported)"


def at(reader: Reader, run: RunRow, n: int) -> dict[str, Any]:
    """The call that is event `n` of a run, as `sia call --json` promises; raises `SiaError` where that is no call."""
    event = reader.event(run.run, n)
    if event.type not in CALLS:
        raise SiaError(
            f"event {n} of {run.name} is no call of a model or a tool, but {event.type}",
            f"`sia log {run.name} --calls` lists the calls",
        )
    return facts(reader, event)


def facts(reader: Reader, event: Event) -> dict[str, Any]:
    """A call with its request and its reply: of a model as it was sent and received, of a tool arguments and result."""
    call = event.payload
    if isinstance(call, t.ToolCalled):
        request, reply = parsed(_text(reader, call.arguments)), _text(reader, call.result)
        known: dict[str, Any] = {"name": call.name, "failed": call.failed, "seconds": call.wall_s}
    elif isinstance(call, t.ModelCalled | t.ModelWasted):
        request, reply = parsed(_text(reader, call.request)), parsed(_text(reader, call.reply))
        known = {
            "name": call.weights,
            "failed": isinstance(call, t.ModelWasted),
            "seconds": call.latency_s,
            "finish": call.finish if isinstance(call, t.ModelCalled) else call.reason,
            "usage": msgspec.to_builtins(call.usage),
            "usd": None if call.unpriced else call.usd,
            "reused": isinstance(call, t.ModelCalled) and call.reused,
        }
    elif isinstance(call, t.ClientFinished):
        request, reply = _text(reader, call.prompt), _text(reader, call.transcript)
        known = {
            "name": call.client,
            "failed": call.failure is not None,
            "seconds": call.wall_s,
            "finish": call.failure.message if call.failure else "stop",
            "usage": msgspec.to_builtins(call.usage),
            "usd": None if call.unmetered else call.usd,
            "reused": call.reused,
        }
    else:
        raise TypeError(event.type)
    place = {"role": call.role, "place": call.place, "ordinal": call.ordinal}
    head = {"n": event.n, "at": event.at, "generation": event.generation, "type": event.type}
    return {**head, **place, **known, "request": request, "reply": reply}


def parsed(text: str) -> Any:
    """JSON as a value; any other text as it is."""
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text


def messages(request: Any) -> list[dict[str, Any]]:
    """The turns of a request, each with a `role` and a `text`; what has no turns is one."""
    found = request.get("messages") if isinstance(request, dict) else None
    if isinstance(found, list):
        return found
    text = request.get("prompt", request) if isinstance(request, dict) else request
    return [{"role": "request", "text": as_text(text)}]


def as_text(value: Any) -> str:
    """Text as it is; any other value as JSON."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _text(reader: Reader, name: str) -> str:
    try:
        return reader.blob(name).decode("utf-8", "replace")
    except blobs.LeftOut:
        return LEFT_OUT
