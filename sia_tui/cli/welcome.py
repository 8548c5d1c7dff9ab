"""What a person is told who has no runs yet: what sia is, and three ways on."""

from __future__ import annotations

import textwrap
from typing import NamedTuple

WHAT = (
    "sia improves a program that you can score: it runs the program on examples, tries a change, and keeps the change "
    "only where examples that were held out show that it helps."
)
HERE = "There are no runs in this folder yet."
WIDTH = 78


class Way(NamedTuple):
    """One way on: what it is, what a person gets and what it takes, and the command that does the same."""

    name: str
    title: str
    about: str
    command: str


WAYS = (
    Way(
        "look",
        "Look at a recorded run",
        "A classifier of criminal cases, from 0.217 to 0.812 in eight generations. Read-only, nothing is downloaded.",
        "sia show recorded",
    ),
    Way(
        "toy",
        "Run the ten-second task",
        "Digits in small drawings. No data, no key, no GPU; the record is written to .sia in this folder.",
        "sia run toy --generations 3",
    ),
    Way(
        "own",
        "Begin a task of your own",
        "A folder with a small task that runs at once, to be changed into yours.",
        "sia new my-task --template classify",
    ),
)


def lines() -> str:
    """All of it as plain text."""
    shown = [*textwrap.wrap(WHAT, WIDTH), HERE, ""]
    for way in WAYS:
        shown += [
            f"{way.title}:  {way.command}",
            *textwrap.wrap(way.about, WIDTH, initial_indent="  ", subsequent_indent="  "),
            "",
        ]
    return "\n".join(shown)
