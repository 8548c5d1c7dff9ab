"""What a person is told who has no runs yet: what sia is, and three ways on."""

from __future__ import annotations

from typing import NamedTuple

WHAT = (
    "sia improves a program that you can score: it runs the program on",
    "examples, tries a change, and keeps the change only where examples",
    "that were held out show that it helps.",
)
HERE = "There are no runs in this folder yet."


class Way(NamedTuple):
    """One way on: what it is, what a person gets and what it takes in two lines, the command that does the same."""

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
            "Digits in small drawings are read better and better. No data, no key,",
            "no GPU; the record is written to .sia in this folder.",
        ),
        "sia run toy --generations 3",
    ),
    Way(
        "own",
        "Begin a task of your own",
        (
            "A folder with a small task that works at once, and a README that",
            "says what to change to make it yours.",
        ),
        "sia new my-task --template classify",
    ),
)


def lines() -> str:
    """All of it as plain text."""
    shown = [*WHAT, HERE, ""]
    for way in WAYS:
        shown += [
            f"{way.title}:  {way.command}",
            *(f"  {line}" for line in way.about),
            "",
        ]
    return "\n".join(shown)
