"""The text for a user without runs: what sia is, and three first steps."""

from __future__ import annotations

from typing import NamedTuple

WHAT = (
    "sia improves a program that you can score: it runs the program on",
    "examples, tries a change, and keeps the change only where examples",
    "that were held out show that it helps.",
)
HERE = "There are no runs in this folder yet."


class Way(NamedTuple):
    """A first step: its title, two lines about what it gives and needs, and its command."""

    name: str
    title: str
    about: tuple[str, str]
    command: str


WAYS = (
    Way(
        "look",
        "Look at a recorded run",
        (
            "Criminal cases are classified by their charge: right in 22% at first,",
            "in 81% after eight generations. Read-only, nothing is downloaded.",
        ),
        "sia show recorded",
    ),
    Way(
        "toy",
        "Run the ten-second task",
        (
            "A program learns to read digits in small drawings. No data, no key,",
            "no GPU; the log is written to .sia in this folder.",
        ),
        "sia run toy --generations 3",
    ),
    Way(
        "own",
        "Create a task of your own",
        (
            "A folder with a small task that works at once, and a README that",
            "says what to change to make it yours.",
        ),
        "sia new my-task --template classify",
    ),
)


def lines() -> str:
    """The welcome as plain text."""
    text = [*WHAT, HERE, ""]
    for way in WAYS:
        text += [
            f"{way.title}:  {way.command}",
            *(f"  {line}" for line in way.about),
            "",
        ]
    return "\n".join(text)
