"""Replies of `ctx.model.chat`, and the events of a stream."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

SAID: dict[str, Any] = {
    "text": "Es regnet in Zürich – " * 10,
    "finish": "stop",
    "calls": [],
    "usage": {"input": 7, "output": 42},
}
CALLED: dict[str, Any] = {
    "text": "",
    "finish": "tools",
    "calls": [{"id": "c9", "name": "weather", "arguments": {"at": "Zürich"}}],
    "usage": {"input": 7, "output": 2},
}
SAMPLED: dict[str, Any] = {**SAID, "prompt_ids": [1, 2, 3], "tokens": [[11, -0.5], [12, -1.25]]}


def events(stream: Iterable[bytes]) -> list[tuple[str, str]]:
    """The names and data of server-sent events."""
    found = []
    for block in b"".join(stream).decode().removesuffix("\n\n").split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n"))
        found.append((fields.get("event", ""), fields["data"]))
    return found
