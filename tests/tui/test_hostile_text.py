"""Text from models, harnesses and domains on the screen: shown, and never obeyed.

What a program sends to a terminal is looked at byte by byte, before any emulation.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from benchmarks.hostile import SPECIMENS
from benchmarks.pseudo_terminal import PseudoTerminal
from benchmarks.synthetic import write
from tests.story import sia

HARM = {
    "an operating system command": r"\x1b\]|\x9d",
    "a device control string": r"\x1bP|\x90",
    "a reset": r"\x1bc",
    "a question to the terminal": r"\x1b\[6n",
    "a colour that only the data has": r"\x1b\[5;33;41m|\x9b",
    "a cleared screen": r"\x1b\[2J\x1b\[H\x1b\[\?1049l",
    "an overwritten line": r"\r(?!\r?\n)",
    "a control character": r"[\x00-\x06\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f-\x9f]",
    "a mark of direction": "[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]",
    "an invisible character": "[\u200b\ufeff\u2028\u2029]",
}
"""What must not reach a terminal, as expressions over its text. The app itself may ring the bell."""


POINTER = "\x1b]22;default\x07"
"""What Textual sends of its own accord: the shape of the mouse pointer."""
VISIBLE = [
    r"\x1b[5;33;41m",
    r"\x1b]0;owned",
    r"\x1b]8;;",
    r"\x1b]52;c;",
    r"\x9b5;33",
    r"a\x00b",
    r"\u202etxet",
    "[bold red]",
]
"""What a person sees in place of what was meant for the terminal."""


TITLE = re.compile(r"\x1b\]0;[^\x00-\x1f\x7f-\x9f]* - sia\x07")
"""The title that the app gives the terminal: on one line, without control codes."""
BEFORE = 11
"""Rows of the timeline before the first result; the last of them stands for all results, and opens."""


def harm(output: bytes) -> list[str]:
    """What is wrong with what a terminal was sent."""
    text = TITLE.sub("", output.decode("utf-8", "surrogateescape").replace(POINTER, ""))
    return [what for what, pattern in HARM.items() if re.search(pattern, text)]


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace whose run is full of text that tries to be more than text; tests only look at it."""
    path = tmp_path_factory.mktemp("hostile")
    write(path, 2000, hostile=True)
    return path


@pytest.mark.parametrize("name", [name for name in SPECIMENS if name not in ("markup", "many-lines")])
def test_a_program_that_passes_a_specimen_on_would_be_caught(name: str) -> None:
    with PseudoTerminal([sys.executable, "-c", f"print({SPECIMENS[name]!r})"]) as terminal:
        terminal.ended()
        assert harm(bytes(terminal.output))


@pytest.mark.parametrize("command", ["ls", "show last", "log last --instances", "tree", "replay last", "diff last 1 2"])
def test_the_plain_command_line_passes_nothing_on(hostile: Path, command: str) -> None:
    with PseudoTerminal(sia(hostile, *command.split()), columns=250) as terminal:
        assert terminal.ended(60) == 0
        assert harm(bytes(terminal.output)) == []


def test_the_app_shows_everything_and_passes_nothing_on(hostile: Path) -> None:
    with PseudoTerminal(sia(hostile)) as terminal:
        terminal.until(lambda shown: "hostile-1" in shown.text)
        terminal.press("l")
        terminal.until(lambda shown: "timeline" in shown.lines[0])
        terminal.press("zg" + "j" * (BEFORE - 1) + "\rg")  # the events over the whole width, the results opened
        terminal.until(lambda shown: all(text in shown.text for text in [*SPECIMENS, *VISIBLE]))
        terminal.press("z")
        for key in ["j" * BEFORE, *"j" * len(SPECIMENS), "l", "z", "G", "g", "z", *"AFdvx"]:
            terminal.press(key)
            terminal.settle(0.2)
        terminal.press("q")
        assert terminal.ended() == 0
        assert harm(bytes(terminal.output)) == []
