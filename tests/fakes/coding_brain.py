"""A sensible coding agent's mind, for servers that real clients talk to: what it does next, given what it has seen.

It looks around, reads the harness, writes it anew, tries it, keeps its notes and decides. Its moves are those of
`playing_client`; a server turns them into calls of the tools that its client has.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Literal, NamedTuple

from tests.fakes import playing_client as player

LOOK = "ls harness; ls -d candidates/*; cat CANDIDATES.md"
"""Gemini CLI refuses commands within commands."""


class Move(NamedTuple):
    """One move: a shell command, a file to read, a file to write with its text, or the last words."""

    kind: Literal["run", "read", "write", "say"]
    what: str
    text: str = ""


def next_move(prompt: str, seen: Sequence[str]) -> Move:
    """The move after the results `seen`, of which the first is what it saw when it looked around."""
    if not seen:
        return Move("run", LOOK)
    return [*_first(), *[_DONE] * 9][len(seen) - 1] if "You write the first harness" in prompt else _later(seen)


_DONE = Move("say", "done")


def _first() -> list[Move]:
    return [
        Move("write", "harness/harness.toml", player.MANIFEST),
        Move("write", "harness/agent.py", player.program(player.FIRST)),
        Move("run", "sia-try"),
        Move("write", "DECISION.json", json.dumps({"reason": "begin simply"})),
    ]


def _later(seen: Sequence[str]) -> Move:
    generation = len(set(re.findall(r"candidates/g\d+", seen[0])))
    rule = player.RULES[min(generation, len(player.RULES)) - 1]
    moves = [
        Move("read", "harness/agent.py"),
        Move("write", "harness/agent.py", player.program(rule)),
        Move("run", "sia-try --cases 8 --why 'which rule?'"),
        Move("run", f"echo 'after {generation}: {rule}' >> NOTES.md"),
        Move("write", "DECISION.json", json.dumps(player.decision(rule, generation))),
    ]
    return [*moves, *[_DONE] * 9][len(seen) - 1]
