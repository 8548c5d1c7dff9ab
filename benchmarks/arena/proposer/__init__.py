"""A deterministic stand-in for a language model: it finds the program in a prompt and returns a mutation of it.

What it returns depends on its seed, the number of the request and the program, and on the form that is asked for. So
methods that ask for equal programs get equal proposals, whatever their prompts are.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.arena.proposer import found, mutation, tool_call
from benchmarks.arena.proposer.reply import Reply, as_text
from benchmarks.arena.task import Mode
from engine.seeds import derive

__all__ = ["Proposer", "Reply", "version"]


class Proposer:
    """Replies to requests for chat completions, numbered from 1."""

    def __init__(self, seed: int, mode: Mode = "changes") -> None:
        self._seed, self._mode = seed, mode

    def __call__(self, number: int, body: Mapping[str, Any]) -> Reply:
        """The reply to request `number`."""
        program = found.program(body)
        if body.get("tools"):
            return tool_call.reply(body, program, lambda text: self._changed(number, text))
        if program is None:
            return Reply("There is no program in this prompt.")
        return as_text(found.prompt(body), program, self._changed(number, program))

    def _changed(self, number: int, program: str) -> str:
        if self._mode == "returns":
            return program
        chance = random.Random(derive(self._seed, "proposer", str(number)))
        return mutation.commented(program, chance) if self._mode == "comments" else mutation.mutated(program, chance)


def version() -> str:
    """A digest of the files that decide what is proposed."""
    told = hashlib.sha256()
    for source in sorted(Path(__file__).parent.glob("*.py")):
        told.update(source.read_bytes())
    return f"proposer {told.hexdigest()[:12]}"
