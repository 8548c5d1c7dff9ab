"""Prompts are files with a version; every event of a model call has the hash of its prompt."""

from __future__ import annotations

import hashlib
from importlib import resources

import msgspec


class Prompt(msgspec.Struct, frozen=True):
    """A prompt: its text, and the SHA-256 of its file."""

    name: str
    version: int
    text: str
    sha256: str


NAMES = ("meta", "feedback", "feedback_small")


def load(name: str) -> Prompt:
    """The prompt `prompts/NAME.md`, whose first line is `version: N`."""
    stored = resources.files(__package__).joinpath("prompts", f"{name}.md").read_bytes()
    head, _, text = stored.decode().partition("\n")
    return Prompt(name, int(head.removeprefix("version: ")), text.strip(), hashlib.sha256(stored).hexdigest())
