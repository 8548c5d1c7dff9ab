"""What a page of documentation tells a person to do: files to write and commands to call, as they stand there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

_FILE = r"^\*\*`(?P<file>[^`\n]+)`\*\*\n\n```\w+\n(?P<content>.*?)^```$"
_FENCED = r"^```(?P<language>\w*)\n(?P<fenced>.*?)^```$"
_INDENTED = r"^(?P<indented>    (?:pip|sia) .*\n(?:    .*\n)*)"
_STEP = re.compile("|".join((_FILE, _FENCED, _INDENTED)), re.MULTILINE | re.DOTALL)
_COMMAND = re.compile(r"(?:pip|sia) ")


class Write(NamedTuple):
    """A file that the reader is to make."""

    file: str
    content: str


class Call(NamedTuple):
    """A line for the shell."""

    command: str


def steps(page: str) -> Iterator[Write | Call]:
    """All that a page asks for, in order."""
    for found in _STEP.finditer(page):
        if found["file"]:
            yield Write(found["file"], found["content"])
        elif found["language"] == "console":
            yield from map(Call, _typed(found["fenced"]))
        elif not found["language"]:
            lines = map(str.strip, (found["fenced"] or found["indented"]).splitlines())
            yield from (Call(line) for line in lines if _COMMAND.match(line))


def block(page: str, beginning: str) -> list[str]:
    """The commands of the first console block whose first command begins so."""
    return _typed(_console(page, beginning))


def printed(page: str, beginning: str) -> list[str]:
    """What that block shows of the output, line by line; `...` stands for lines left out, `…` for a part of one."""
    return [line for line in _console(page, beginning).splitlines() if line != "..." and not line.startswith("$ ")]


def _console(page: str, beginning: str) -> str:
    for found in re.finditer(_FENCED, page, re.MULTILINE | re.DOTALL):
        if found["language"] == "console" and found["fenced"].startswith(f"$ {beginning}"):
            return found["fenced"]
    raise AssertionError(f"the page has no console block that begins with $ {beginning}")


def _typed(console: str) -> list[str]:
    return [line.removeprefix("$ ") for line in console.splitlines() if line.startswith("$ ")]
