"""Claude Code's `--output-format stream-json`: `system` (init), `assistant`, `user`, and `result` at the end."""

from __future__ import annotations

from typing import Any

from engine.clients.lines.reading import Reading, added, child, count, parsed
from engine.usage import Usage

_WRITE = ("Write", "Edit", "MultiEdit", "NotebookEdit")


def read(line: bytes, reading: Reading) -> None:
    """Adds a line to `reading`; until the `result`, tokens are those of the messages so far."""
    told = parsed(line)
    kind = told.get("type")
    if kind == "system" and told.get("subtype") == "init":
        reading.model = str(told.get("model") or "")
        source = told.get("apiKeySource")
        reading.login = "unknown" if source is None else "subscription" if source == "none" else "key"
    elif kind == "assistant":
        _message(told, reading)
    elif kind == "result":
        _result(told, reading)


def _message(told: dict[str, Any], reading: Reading) -> None:
    """A message comes in a line for each of its blocks, and each line has the usage of the whole."""
    message = child(told, "message")
    identity = str(child(message, "id") or told.get("uuid"))
    if identity != reading.last:
        reading.last = identity
        reading.turns += 1
        reading.usage = added(reading.usage, _usage(child(message, "usage")))
    blocks = child(message, "content")
    for block in blocks if isinstance(blocks, list) else ():
        if child(block, "type") == "text":
            reading.text = str(child(block, "text"))
        elif child(block, "type") == "tool_use" and child(block, "name") in _WRITE:
            path = child(block, "input", "file_path") or child(block, "input", "notebook_path")
            reading.edited += [path] if isinstance(path, str) else []


def _result(told: dict[str, Any], reading: Reading) -> None:
    reading.closed = True
    reading.turns = count(told.get("num_turns")) or reading.turns
    whole = _usage(child(told, "usage"))
    reading.usage = whole if whole.total else reading.usage
    usd = told.get("total_cost_usd")
    if isinstance(usd, int | float):
        reading.usd = float(usd)
    reading.text = str(told.get("result") or reading.text)
    if told.get("is_error"):
        reading.error = str(told.get("result") or told.get("subtype") or "it reports an error")


def _usage(found: object) -> Usage:
    return Usage(
        count(child(found, "input_tokens")),
        count(child(found, "output_tokens")),
        count(child(found, "cache_read_input_tokens")),
        count(child(found, "cache_creation_input_tokens")),
    )
