"""Prompts are files with a version; every event of a model call has the hash of its prompt.

A prompt is composed of those parts that are offered: of what is not there, the model is told nothing.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection
from importlib import resources

import msgspec


class Prompt(msgspec.Struct, frozen=True):
    """A prompt: its text, and the SHA-256 of its files."""

    name: str
    version: int
    text: str
    sha256: str


NAMES = (
    "meta",
    "feedback",
    "feedback_brief",
    "feedback_small",
    "weights",
    "desk",
    "code",
    "trying",
    "harness",
    "model",
)
CLIENT_NAMES = ("client_meta", "client", "client_decision", "client_weights", "client_trying", "harness", "model")
"""Those of an agent that is a client of the user's."""
_MARKED = re.compile(r"\[(\w+)\] (.*)")


def load(name: str) -> Prompt:
    """The prompt `prompts/NAME.md`, whose first line is `version: N`."""
    stored = resources.files(__package__).joinpath("prompts", f"{name}.md").read_bytes()
    head, _, text = stored.decode().partition("\n")
    return Prompt(name, int(head.removeprefix("version: ")), text.strip(), hashlib.sha256(stored).hexdigest())


def compose(*names: str, offered: Collection[str] = ()) -> Prompt:
    """One prompt of several; a line that begins with `[word] ` is there where `word` is among what is `offered`."""
    parts = [load(name) for name in names]
    texts = ["\n".join(_kept(part.text.split("\n"), offered)) for part in parts]
    sha256 = hashlib.sha256("".join(part.sha256 for part in parts).encode()).hexdigest()
    return Prompt(parts[0].name, parts[0].version, "\n\n".join(text.strip() for text in texts), sha256)


def _kept(lines: list[str], offered: Collection[str]) -> list[str]:
    kept = []
    for line in lines:
        marked = _MARKED.fullmatch(line)
        if marked is None or marked[1] in offered:
            kept.append(marked[2] if marked else line)
    return kept
