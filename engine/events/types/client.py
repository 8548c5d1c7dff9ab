"""Errands of an agent's client: a program of the user's that worked in a folder."""

from __future__ import annotations

from typing import Literal

from engine.events.types.base import Payload, event
from engine.events.types.model import ModelRole
from engine.failure import Failure
from engine.usage import Usage

Login = Literal["key", "subscription", "unknown"]
"""By what a client is paid, as far as it says so."""


@event("client.finished")
class ClientFinished(Payload, frozen=True):
    """A client ended, or was stopped, and this is what it left in its folder.

    The position is (`place`, `ordinal`), as in `model.called`. `key` is the SHA-256 of its position and of all that it
    was given: an errand of an equal key has the same result in a lineage, and is `reused`. `release` is the client's
    version, `command` what was started, word by word. Blobs: `prompt`, `transcript` (what it printed), `files` of the
    harness by path, `decision` (DECISION.json) and `notes` (NOTES.md), which are empty where it left none. `said` are
    sentences for a person. `unmetered`: what it cost is not known, and `usd` is 0. With a `failure` it did not end by
    itself, or not well.
    """

    role: ModelRole
    place: str
    ordinal: int
    key: str
    client: str
    release: str
    command: list[str]
    prompt: str
    transcript: str
    files: dict[str, str]
    decision: str = ""
    notes: str = ""
    model: str = ""
    login: Login = "unknown"
    turns: int = 0
    usage: Usage = Usage()
    usd: float = 0.0
    unmetered: bool = False
    wall_s: float = 0.0
    said: list[str] = []
    failure: Failure | None = None
    reused: bool = False

    def blobs(self) -> list[str]:
        single = [name for name in (self.prompt, self.transcript, self.decision, self.notes) if name]
        return [*single, *self.files.values()]

    def withheld(self) -> list[str]:
        return [self.prompt, self.transcript]
