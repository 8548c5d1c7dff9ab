"""A conversation that exceeds its model's window is made shorter by rule: the oldest results of tools are left out.

Calls stay, and so does what the model thought before them, which goes back unchanged; the model may call again. A pure
function of the messages, so that a resumed conversation becomes what it was.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from engine.models.protocol import Message

LEFT_OUT = "[left out, since the context was full; call the tool again to read it]"
BYTES_PER_TOKEN = 4
"""In prose and code; fewer in other scripts, which the server then refuses itself."""


def without_results(messages: Sequence[Message], first: int) -> list[Message]:
    """The messages with the results of tools among the `first` ones left out."""
    return [
        replace(message, text=LEFT_OUT) if place < first and _is_result(message) else message
        for place, message in enumerate(messages)
    ]


def next_cut(messages: Sequence[Message], first: int) -> int:
    """Up to which message results are left out next, beyond `first`: the oldest that make up half of their length.

    The results of the last turn stay where others can go. Equals `first` where there is nothing left to leave out.
    """
    last_turn = max((place for place, one in enumerate(messages) if one.role == "assistant"), default=0)
    found = [place for place, one in enumerate(messages) if place >= first and _is_result(one)]
    older = [place for place in found if place < last_turn] or found
    goal, cut, sizes = sum(len(messages[place].text) for place in found) / 2, first, 0
    for place in older:
        if sizes >= goal:
            break
        cut, sizes = place + 1, sizes + len(messages[place].text)
    return cut


def tokens(messages: Sequence[Message]) -> int:
    """About how many tokens the messages have."""
    return sum(len(message.text.encode("utf-8", "replace")) for message in messages) // BYTES_PER_TOKEN


def _is_result(message: Message) -> bool:
    return message.role == "tool" and len(message.text) > len(LEFT_OUT)
