"""What a command prints: plain lines, one JSON document, text that cannot harm a terminal."""

from __future__ import annotations

from typing import Any

import click


def print_json(value: Any) -> None:
    """Prints one JSON document on standard output."""
    import msgspec

    click.echo(plain_json(msgspec.json.format(msgspec.json.encode(value), indent=2)))


def plain_json(document: bytes) -> str:
    """JSON with the same content, safe for a terminal: control codes, which only its texts can hold, are escaped."""
    import json

    return "".join(
        letter if letter.isprintable() or letter == "\n" else json.dumps(letter)[1:-1] for letter in document.decode()
    )


def plain(text: str) -> str:
    """Text from outside, safe for a terminal: control codes become visible escapes."""
    return "".join(
        letter
        if letter.isprintable() or letter in "\n\t"
        else letter.encode("unicode_escape", "surrogatepass").decode()
        for letter in text
    )


def echo(text: str = "", *, err: bool = False, nl: bool = True) -> None:
    """Prints text for a person; control codes from a log or a harness become visible characters."""
    click.echo(plain(text), err=err, nl=nl)


def say(text: str) -> None:
    """Prints a line on standard error, for what is not the result."""
    echo(text, err=True)
