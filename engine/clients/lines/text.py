"""A program that prints what it likes; a line `{"sia": {"tokens": N, "usd": X}}` says what it has used so far.

What it has used grows only; a figure that no errand can reach is passed over.
"""

from __future__ import annotations

from engine.clients.lines.reading import Reading, child, count, parsed
from engine.usage import Usage

_LONGEST, _MOST_USD = 2000, 1e6


def read(line: bytes, reading: Reading) -> None:
    """Adds a line to `reading`."""
    told = child(parsed(line), "sia")
    if isinstance(told, dict) and told:
        reading.usage = Usage(input=max(reading.usage.input, count(told.get("tokens"))))
        usd = told.get("usd")
        if isinstance(usd, int | float) and (reading.usd or 0) <= usd <= _MOST_USD:
            reading.usd = float(usd)
    elif text := line.decode("utf-8", "replace").strip():
        reading.text = text[:_LONGEST]
