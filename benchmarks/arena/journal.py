"""The journal of an arena: one JSON line for each finished cell, appended, so that an interrupted run goes on."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

import msgspec

from benchmarks.arena.cell import Cell, Floor, LeftOut, Line, Outcome
from engine.errors import SiaError

NAME = "cells.jsonl"
_DECODER = msgspec.json.Decoder(Line)


class Journal:
    """The lines in `folder`. A line that a kill has cut off counts for nothing, and its cell is played again.

    Who reads changes nothing; who appends drops such a line first.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / NAME
        self.outcomes: dict[Cell, Outcome] = {}
        self.left_out: dict[str, LeftOut] = {}
        self.floors: dict[str, Floor] = {}
        for line in self._read():
            self._take(line)

    def append(self, line: Line) -> None:
        """Writes a line; it is on the disk when the call returns."""
        self._write(msgspec.json.encode(line) + b"\n")
        self._take(line)

    def begin(self) -> None:
        """Makes the folder and the file, so that no cell is played whose line cannot be written."""
        self._write(b"")

    def _write(self, content: bytes) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a+b") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                file.seek(0)
                before = file.read()
                file.truncate(before.rfind(b"\n") + 1)
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            remedy = "name a folder that you may write, with --out"
            raise SiaError(f"{self.path} cannot be written ({error.strerror})", remedy) from None

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
        try:
            content = self.path.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return
        except OSError as error:
            raise SiaError(f"{self.path} cannot be read ({error.strerror})", "name another folder with --out") from None
        for number, line in enumerate(content[: content.rfind(b"\n") + 1].splitlines(), 1):
            try:
                yield _DECODER.decode(line)
            except msgspec.DecodeError as error:
                remedy = "delete that line, and its cell is played again, or name another folder with --out"
                raise SiaError(f"line {number} of {self.path} is not one of an arena ({error})", remedy) from None
