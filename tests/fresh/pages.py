"""The commands of a page of documentation, as they stand there."""

from __future__ import annotations

import re

_CONSOLE = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def setting_up(readme: str) -> list[str]:
    """The README's commands that do everything: those of its first console block that has `make` in it."""
    for block in _CONSOLE.finditer(readme):
        commands = [line.removeprefix("$ ") for line in block[1].splitlines() if line.startswith("$ ")]
        if any(command.startswith("make ") for command in commands):
            return commands
    raise AssertionError("the README has no console block with a command `make`")
