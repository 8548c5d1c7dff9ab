"""How many replies of the task model were cut at the harness's `max_tokens`, by generation.

A model that thinks before it answers spends them on its thoughts: a candidate may fail for that alone.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from engine.events import types as t
from engine.events.event import Event

_TASK, _OF_A_CANDIDATE, _CUT = b'"role":"task"', b'"harness":"', b'"finish":"length"'


class Replies(msgspec.Struct, frozen=True):
    """The replies that a candidate got, and how many of them were cut."""

    replies: int = 0
    cut: int = 0


def cut_replies(events: Iterable[Event]) -> dict[int, Replies]:
    """By generation; only those in which a reply was cut. Payloads are not decoded: a run has many calls."""
    found: dict[int, Replies] = {}
    for event in events:
        stored = event.stored
        if event.type == t.ModelCalled.type and _TASK in stored and _OF_A_CANDIDATE in stored:
            before = found.get(event.generation, Replies())
            found[event.generation] = Replies(before.replies + 1, before.cut + (_CUT in stored))
    return {generation: replies for generation, replies in found.items() if replies.cut}


def sentence(generation: int, replies: int, cut: int) -> str:
    """That replies were cut, and what to look at."""
    return (
        f"generation {generation}: of {replies:,} replies of the task model {cut:,} were cut at the harness's "
        "max_tokens, in which thinking counts"
    )
