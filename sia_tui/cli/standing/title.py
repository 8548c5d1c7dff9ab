"""The terminal's title: where the run stands, while a command or the app shows it (OSC 0; xterm's title stack)."""

from __future__ import annotations

from collections.abc import Callable

from engine.queries.progress.progress import Progress
from sia_tui.cli.output import plain
from sia_tui.cli.standing import words

KEEP, RESTORE = "\x1b[22;0t", "\x1b[23;0t"
"""Keeps the title that the terminal has, and gives it back."""


class TerminalTitle:
    """Sets the title through `write`, which writes to a terminal."""

    def __init__(self, write: Callable[[str], object]) -> None:
        self._write = write
        self._text = ""

    def set(self, text: str) -> None:
        """Shows `text`; keeps the title that was there before the first one."""
        if text != self._text:
            self._write(f"{'' if self._text else KEEP}\x1b]0;{_safe(text)}\x07")
            self._text = text

    def restore(self) -> None:
        """Gives back the title that the terminal had."""
        if self._text:
            self._write(RESTORE)
            self._text = ""


def title(name: str, status: str, found: Progress) -> str:
    """The title for a run: how far it is first, since tabs cut the end."""
    if found.doing == "approval":
        return f"{name} waits for you - sia"
    share = f"{found.share:.0%} " if found.share is not None else ""
    doing = f"{share}{words.phase(found)}" if found.doing else status
    return f"{doing} - {name} - sia"


def _safe(text: str) -> str:
    return plain(text).replace("\n", " ")
