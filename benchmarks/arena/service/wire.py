"""OpenAI's chat completions on the wire: what a request says, a whole reply, a streamed one, an error."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from benchmarks.arena.proposer import Reply
from benchmarks.arena.proposer.found import texts
from benchmarks.arena.service.account import tokens

REFUSED = 429
"""With the code `insufficient_quota`: OpenAI documents it for an account that has nothing left."""


def length(body: Mapping[str, Any]) -> int:
    """Characters of the messages, of the calls in them, of the tools and of the form that is asked for."""
    calls = [call for message in body.get("messages", []) for call in message.get("tool_calls") or ()]
    beside = [call["function"] for call in calls] + [body[key] for key in ("tools", "response_format") if key in body]
    return sum(map(len, texts(body))) + sum(len(json.dumps(one, ensure_ascii=False)) for one in beside)


def whole(number: int, model: str, sent: int, reply: Reply) -> dict[str, Any]:
    """The reply in one piece."""
    calls = [
        {
            "id": f"call_{number}_{place}",
            "type": "function",
            "function": {"name": call.name, "arguments": json.dumps(call.arguments)},
        }
        for place, call in enumerate(reply.calls)
    ]
    message = {"role": "assistant", "content": reply.text or None, **({"tool_calls": calls} if calls else {})}
    finish = "tool_calls" if calls else "stop"
    return {
        "id": f"chatcmpl-{number}",
        "object": "chat.completion",
        "created": 0,
        "model": model,
        "choices": [{"index": 0, "message": message, "finish_reason": finish, "logprobs": None}],
        "usage": _usage(sent, reply),
    }


def streamed(completion: Mapping[str, Any]) -> Iterator[bytes]:
    """The same as server-sent events: the message, its end, the usage, and the last word."""
    head = {**completion, "object": "chat.completion.chunk"}
    choice = completion["choices"][0]
    calls = [{"index": place, **call} for place, call in enumerate(choice["message"].get("tool_calls") or ())]
    delta = {
        **choice["message"],
        "content": choice["message"]["content"] or "",
        **({"tool_calls": calls} if calls else {}),
    }
    ends = {"index": 0, "delta": {}, "finish_reason": choice["finish_reason"]}
    for choices, usage in (
        ([{"index": 0, "delta": delta, "finish_reason": None}], None),
        ([ends], None),
        ([], head["usage"]),
    ):
        yield b"data: " + json.dumps({**head, "choices": choices, "usage": usage}).encode() + b"\n\n"
    yield b"data: [DONE]\n\n"


def error(text: str, kind: str) -> dict[str, Any]:
    """An error's body."""
    return {"error": {"message": text, "type": kind, "param": None, "code": kind}}


def _usage(sent: int, reply: Reply) -> dict[str, int]:
    before, after = tokens(sent), tokens(reply.length)
    return {"prompt_tokens": before, "completion_tokens": after, "total_tokens": before + after}
