"""A program that prints what it likes; a line `{"sia": {"tokens": N, "usd": X}}` says what it has used so far."""

from __future__ import annotations

from engine.clients.lines.reading import Reading, child, count, parsed
from engine.usage import Usage

_LONGEST = 2000


def read(line: bytes, reading: Reading) -> None:
    """Adds a line to `reading`."""
    told = child(parsed(line), "sia")
    if isinstance(told, dict) and told:
        reading.usage = Usage(input=count(told.get("tokens")))
        usd = told.get("usd")
        reading.usd = float(usd) if isinstance(usd, int | float) and usd >= 0 else reading.usd
    elif text := line.decode("utf-8", "replace").strip():
        reading.text = text[:_LONGEST]
