"""What a program asks of the gateway, whatever the wire form: the arguments of `ctx.model.chat`, and how to answer.

The model, its sampling seed and the effort that it spends on thinking are the run's, whatever a program names. What
only hints (`user`, `metadata`, `store`, `cache_control`) is left out. What would change the reply and cannot be passed
on (pictures, tools that a vendor runs, penalties) is refused: the model would answer something else.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

MOST_TOKENS = 16_384
"""The longest reply that the engine lets a harness ask for; a request for more gets this."""
TOKENS = 4096
"""The longest reply where the request sets no limit."""
DELTA = 64
"""Characters in a piece of a streamed text: the reply is whole before it is streamed."""
Reply = dict[str, Any]
"""What `ctx.model.chat` returns."""


class Unfit(Exception):
    """A request that cannot be passed on; the message says what to change."""


@dataclass(frozen=True)
class Asked:
    """A request: the arguments of `count` calls of `ctx.model.chat`, and how its replies are to look.

    `usage` adds the usage to a stream of chat completions; `logprobs` and `token_ids` ask for these of each token.
    `instructed` says that the first turn is for this request only, not for those that go on from it.
    """

    model: str
    chat: dict[str, Any]
    stream: bool = False
    count: int = 1
    usage: bool = False
    logprobs: bool = False
    token_ids: bool = False
    instructed: bool = False


def chat(
    turns: Sequence[dict[str, Any]],
    *,
    max_tokens: int | None,
    temperature: float | None,
    top_p: float | None,
    stop: Sequence[str] | str | None = None,
    schema: dict[str, Any] | None = None,
    tools: Sequence[dict[str, Any]] = (),
    tool_choice: str = "",
) -> dict[str, Any]:
    """The arguments of `ctx.model.chat`; what is None gets the default of the vendors."""
    if not turns:
        raise Unfit("the request has no messages")
    found: dict[str, Any] = {
        "messages": list(turns),
        "max_tokens": min(TOKENS if max_tokens is None else max_tokens, MOST_TOKENS),
        "temperature": 1.0 if temperature is None else temperature,
        "top_p": 1.0 if top_p is None else top_p,
    }
    found |= {"stop": [stop] if isinstance(stop, str) else list(stop)} if stop else {}
    found |= {"schema": schema} if schema else {}
    found |= {"tools": list(tools)} if tools else {}
    found |= {"tool_choice": tool_choice} if tools and tool_choice else {}
    return found


def turn(role: str, text: str, calls: Sequence[dict[str, Any]] = ()) -> dict[str, Any]:
    """A message of the conversation."""
    return {"role": role, "text": text, **({"calls": list(calls)} if calls else {})}


def result(call: str, text: str, *, failed: bool = False) -> dict[str, Any]:
    """The result of the tool call with this id."""
    return {"role": "tool", "text": text, "answers": call, **({"failed": True} if failed else {})}


def call(identity: str, name: str, arguments: str) -> dict[str, Any]:
    """A call of a tool that the model has made, with its arguments as the vendors' text."""
    try:
        found = json.loads(arguments or "{}")
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise Unfit(f"the arguments of the call {identity} are no JSON object")
    return {"id": identity, "name": name, "arguments": found}


def tool(name: str, description: str | None, parameters: dict[str, Any] | None) -> dict[str, Any]:
    """A tool that the model may call."""
    empty: dict[str, Any] = {"type": "object", "properties": {}}
    return {"name": name, "description": description or "", "parameters": parameters or empty}


def arguments(made: dict[str, Any]) -> str:
    """The arguments of a call in a reply, as the text that OpenAI's forms have."""
    return json.dumps(made["arguments"], ensure_ascii=False)


def pieces(text: str) -> Iterator[str]:
    """A text in pieces, as a stream brings it."""
    return (text[start : start + DELTA] for start in range(0, len(text), DELTA))


def event(data: Any, name: str = "") -> bytes:
    """A server-sent event: https://html.spec.whatwg.org/multipage/server-sent-events.html"""
    body = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return (f"event: {name}\n" if name else "").encode() + f"data: {body}\n\n".encode()
