"""The journal of an arena: one JSON line for each finished cell, appended, so that an interrupted run goes on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import msgspec

from benchmarks.arena.cell import Cell, Floor, LeftOut, Line, Outcome
from engine.errors import SiaError

NAME = "cells.jsonl"
_DECODER = msgspec.json.Decoder(Line)


class Journal:
    """The lines in `folder`. A line that a kill has cut off is dropped, and its cell is played again."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / NAME
        self.outcomes: dict[Cell, Outcome] = {}
        self.left_out: dict[str, LeftOut] = {}
        self.floors: dict[str, Floor] = {}
        for line in self._read():
            self._take(line)

    def append(self, line: Line) -> None:
        """Writes a line; it is on the disk when the call returns."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("ab") as file:
            file.write(msgspec.json.encode(line) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        self._take(line)

    def _take(self, line: Line) -> None:
        match line:
            case Outcome():
                self.outcomes[line.cell] = line
                self.left_out.pop(line.cell.method, None)
            case LeftOut():
                self.left_out[line.method] = line
            case Floor():
                self.floors[line.task] = line

    def _read(self) -> Iterator[Line]:
        if not self.path.exists():
            return
        content = self.path.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        for number, line in enumerate(whole.splitlines(), 1):
            try:
                yield _DECODER.decode(line)
            except msgspec.DecodeError as error:
                raise SiaError(
                    f"line {number} of {self.path} is not one of an arena ({error})", "name another folder with --out"
                ) from None
        if whole != content:
            os.truncate(self.path, len(whole))
