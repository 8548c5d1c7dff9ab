"""What a call of a language model can take at most, in tokens: reserved before it, counted where no server tells."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from engine.models.protocol import Reply, Request, ScoreReply
from engine.usage import Usage

_PER_MESSAGE, _PER_REQUEST = 16, 600
"""Upper bounds on the tokens that chat templates and tool prompts add."""


def of_chat(request: Request, body: bytes) -> Usage:
    """The most that a chat call takes: no current tokenizer makes more than one token per byte of its `body`."""
    return Usage(input=len(body) + _PER_MESSAGE * len(request.messages) + _PER_REQUEST, output=request.max_tokens)


def of_score(prompt: str, continuations: Sequence[str], body: bytes) -> Usage:
    """The most that scoring takes: the prompt is read once more for each continuation."""
    return Usage(input=len(body) + len(continuations) * len(prompt.encode()))


def used(reply: Reply | ScoreReply, most: Usage) -> Usage:
    """What the reply took; of prompt and output what its server does not tell is `most`."""
    told = reply.usage
    if not told.input + told.cache_read + told.cache_write:
        told = replace(told, input=most.input)
    silent = isinstance(reply, Reply) and not told.output and bool(reply.text or reply.calls)
    return replace(told, output=most.output) if silent else told
