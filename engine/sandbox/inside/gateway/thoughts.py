"""What a model thought before it called a tool, in its server's own form: it goes back when the conversation goes on.

SDKs have no place for it in another vendor's form, so it is kept here, by the calls that it came with.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .asked import Reply


class Thoughts:
    """The thoughts of one solve."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, ...], Reply] = {}

    def keep(self, reply: Reply) -> None:
        """Keeps the thoughts of a reply with calls, if it has any."""
        if reply["calls"] and reply.get("blocks"):
            self._kept[_ids(reply["calls"])] = reply

    def give_back(self, turns: Iterable[dict[str, Any]]) -> None:
        """Adds the thoughts to the turns that are replies as they came; one that a program has changed gets none."""
        for turn in turns:
            reply = self._kept.get(_ids(turn.get("calls", ())))
            if reply and (turn["text"], _made(turn["calls"])) == (reply["text"], _made(reply["calls"])):
                turn["blocks"] = reply["blocks"]


def _ids(calls: Iterable[dict[str, Any]]) -> tuple[str, ...]:
    return tuple(call["id"] for call in calls)


def _made(calls: Iterable[dict[str, Any]]) -> list[tuple[str, dict[str, Any]]]:
    return [(call["name"], call["arguments"]) for call in calls]
