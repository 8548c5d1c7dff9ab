"""A call of a language model or of a tool, as lines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from engine.queries import calls
from sia_tui.cli.formats import plural

_BRIEF = 160


def headline(call: dict[str, Any]) -> str:
    """What a call was, and what it took; `call` is as `engine.queries.calls` gives it."""
    who = f"{call['role']}, {call['place']} call {call['ordinal']}"
    if "usage" not in call:
        failed = " (failed)" if call["failed"] else ""
        return f"{who} · tool {call['name']}, {call['seconds']:.1f} s{failed}"
    usage = call["usage"]
    taken = usage.get("input", 0) + usage.get("cache_read", 0) + usage.get("cache_write", 0)
    paid = "price unknown" if call["usd"] is None else f"${call['usd']:.4f}"
    cost = "reused" if call["reused"] else f"{call['seconds']:.1f} s, {paid}"
    tokens = f"{plural(taken, 'token')} in, {usage.get('output', 0):,} out"
    ended = "of no use: " if call["failed"] else ""
    return f"{who} · {call['name']} · {tokens}, {cost} · {ended}{call['finish']}"


def brief(call: dict[str, Any]) -> Iterator[str]:
    """What was asked last and what came back, a line each."""
    asked = calls.messages(call["request"])[-1] if "usage" in call else {"text": calls.as_text(call["request"])}
    yield f"> {_one_line(calls.as_text(asked.get('text', '')))}"
    yield f"< {_one_line(' '.join(reply_lines(call)))}"


def lines(call: dict[str, Any]) -> Iterator[str]:
    """The whole call."""
    if "usage" not in call:
        yield from ("--- arguments", calls.as_text(call["request"]), "--- result", calls.as_text(call["reply"]))
        return
    for message in calls.messages(call["request"]):
        yield f"--- {message.get('role', '?')}"
        yield from _turn(message)
    yield "--- reply"
    yield from reply_lines(call)


def reply_lines(call: dict[str, Any]) -> Iterator[str]:
    """The text of a reply, and the calls of tools that it asks for."""
    reply = call["reply"]
    if isinstance(reply, dict) and "text" in reply:
        yield from _turn(reply)
    else:
        yield calls.as_text(reply)


def _turn(message: dict[str, Any]) -> Iterator[str]:
    if text := message.get("text"):
        yield calls.as_text(text)
    for one in message.get("calls") or ():
        yield f"calls {one.get('name')}({calls.as_text(one.get('arguments'))})"


def _one_line(text: str) -> str:
    short = " ".join(text.split())
    return short if len(short) <= _BRIEF else f"{short[: _BRIEF - 1]}…"
