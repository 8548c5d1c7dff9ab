"""Codex's `exec --json`: `thread.started`, `turn.started`, `item.completed`, `turn.completed` or `turn.failed`.

It tells tokens at the end of its turn only, and no money.
"""

from __future__ import annotations

from engine.clients.lines.reading import Reading, added, child, count, parsed
from engine.usage import Usage


def read(line: bytes, reading: Reading) -> None:
    """Adds a line to `reading`; each command, change of files and message counts as a turn."""
    told = parsed(line)
    kind = told.get("type")
    if kind == "item.completed":
        _item(child(told, "item"), reading)
    elif kind == "turn.completed":
        reading.closed, reading.error = True, ""
        reading.usage = added(reading.usage, _usage(child(told, "usage")))
    elif kind in ("turn.failed", "error"):
        reading.error = str(child(told, "error", "message") or told.get("message") or "it reports an error")


def _item(item: object, reading: Reading) -> None:
    kind = child(item, "type")
    if kind == "agent_message":
        reading.turns += 1
        reading.text = str(child(item, "text") or "")
    elif kind in ("command_execution", "mcp_tool_call"):
        reading.turns += 1
    elif kind == "file_change":
        reading.turns += 1
        changes = child(item, "changes")
        found = [child(one, "path") for one in changes] if isinstance(changes, list) else []
        reading.edited += [path for path in found if isinstance(path, str)]


def _usage(found: object) -> Usage:
    """Its input tokens include those of the cache."""
    cached = count(child(found, "cached_input_tokens"))
    return Usage(max(0, count(child(found, "input_tokens")) - cached), count(child(found, "output_tokens")), cached)
