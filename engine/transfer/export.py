"""`export`: a run with all that its history needs, as one file."""

from __future__ import annotations

from pathlib import Path

from engine import __version__
from engine.errors import SiaError
from engine.events import readings
from engine.events.reader import Reader, RunRow
from engine.events.seal import seal
from engine.transfer.jsonl import write_jsonl

SUFFIXES = (".sia", ".jsonl")


def check_target(target: Path) -> None:
    """Raises `SiaError` where the name of the file does not say how to write it."""
    if target.suffix not in SUFFIXES:
        raise SiaError(f"cannot export a run as {target.suffix or 'a file without a suffix'}", "choose .sia or .jsonl")


def export_run(reader: Reader, run: RunRow, target: Path, *, data: bool) -> int:
    """Writes `run` to `target` and returns the number of events; `data` includes logs, prompts, replies, rollouts."""
    check_target(target)
    if target.suffix == ".jsonl":
        return write_jsonl(reader, run, target, data=data)
    told = readings.known(reader, readings.digest_of(reader, run.run))
    return seal(reader, run, target, data=data, made_by=f"sia {__version__}", readings=told).events
