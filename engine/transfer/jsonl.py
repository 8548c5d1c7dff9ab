"""Writes a run as JSON lines for other programs: one event a line, each blob with the first event that names it."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import msgspec

from engine.events.event import Event
from engine.events.reader import Reader, RunRow
from engine.events.seal import check_target, lineage, new_file, snapshot
from engine.events.storage import blobs

_HEAD = ("run", "n", "type", "v", "at", "generation", "prev_hash", "hash")


def write_jsonl(reader: Reader, run: RunRow, target: Path, *, data: bool) -> int:
    """Writes `run` to `target`, which must not exist; returns the number of lines.

    `payload` is byte for byte what was hashed, or a text of it where that is no JSON. `blobs` has text and `base64`
    other contents, by digest. `left_out` names contents that may hold text of instances; they are written with `data`
    only.
    """
    check_target(target)
    inlined: set[str] = set()
    with snapshot(reader), new_file(target) as scratch, scratch.open("wb") as file:
        events = lineage(reader, run)
        for event in events:
            file.write(msgspec.json.encode(_line(reader, event, inlined, data=data)) + b"\n")
    return len(events)


def _line(reader: Reader, event: Event, inlined: set[str], *, data: bool) -> dict[str, Any]:
    line: dict[str, Any] = {name: getattr(event, name) for name in _HEAD} | {"payload": event.as_json()}
    payload = event.payload
    withheld = set() if data else set(payload.withheld())
    for name in payload.blobs():
        if name in withheld:
            line.setdefault("left_out", []).append(name)
        elif name not in inlined:
            inlined.add(name)
            _inline(reader, name, line)
    return line


def _inline(reader: Reader, name: str, line: dict[str, Any]) -> None:
    try:
        contents = reader.blob(name)
    except blobs.LeftOut:
        line.setdefault("left_out", []).append(name)
        return
    try:
        line.setdefault("blobs", {})[name] = contents.decode()
    except UnicodeDecodeError:
        line.setdefault("base64", {})[name] = base64.b64encode(contents).decode()
