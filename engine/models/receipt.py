"""Checks and cleans a reply before it is used or recorded, so that the log can return whatever the server sent.

Secrets in it are replaced by their names. A tool call whose arguments are no plain object is kept with the reason,
which the agent reads; a reply with anything else that the log cannot store is refused.
"""

from __future__ import annotations

import math
from typing import Any, TypeVar

import msgspec
from msgspec.structs import replace

from engine import plain
from engine.keys import redact
from engine.models.protocol import PermanentError, Reply, RetryableError, ScoreReply, ToolCall
from engine.usage import Usage

_R = TypeVar("_R", Reply, ScoreReply)


def received(reply: _R) -> _R:
    """The reply as it is used and recorded; raises `RetryableError` if the log cannot store it.

    Raises `PermanentError` if a log-probability is no number: weights that give NaN will give it again.
    """
    logprobs = reply.logprobs if isinstance(reply, ScoreReply) else [token.logprob for token in reply.tokens]
    try:
        if not all(map(math.isfinite, logprobs)):
            raise PermanentError("the model gives NaN or an infinity for a log-probability", "use other weights")
        if isinstance(reply, Reply):
            calls, blocks = [plain_call(one) for one in reply.calls], [_well_formed(one) for one in reply.blocks]
            reply = replace(reply, text=redact(_valid(reply.text)), calls=calls, blocks=blocks)
        body = msgspec.json.encode(reply)
        again = msgspec.json.decode(body, type=type(reply))
    except (msgspec.MsgspecError, TypeError, ValueError, AttributeError) as error:
        raise RetryableError(f"the reply is malformed ({type(error).__name__}: {error})") from None
    return again


def plain_call(call: ToolCall) -> ToolCall:
    """The call with arguments that the log can give back, or with the reason why it has none."""
    call = replace(call, id=_valid(call.id), name=_valid(call.name))
    if call.invalid:
        return call
    try:
        if not isinstance(call.arguments, dict):
            raise plain.NotPlain(f"{_JSON.get(type(call.arguments), 'no object')} in place of an object")
        plain.check(call.arguments)
    except plain.NotPlain as error:
        return replace(call, arguments={}, invalid=f"the arguments hold {error}")
    return replace(call, arguments=_redacted(call.arguments))


_JSON = {type(None): "null", bool: "true or false", int: "a number", float: "a number", str: "a text", list: "a list"}


def _redacted(value: Any) -> Any:
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, list):
        return [_redacted(one) for one in value]
    if isinstance(value, dict):
        return {redact(key): _redacted(one) for key, one in value.items()}
    return value


def _well_formed(value: Any) -> Any:
    if isinstance(value, list):
        return [_well_formed(one) for one in value]
    if isinstance(value, dict):
        return {_well_formed(key): _well_formed(one) for key, one in value.items()}
    return plain.well_formed(value) if isinstance(value, str) else value


def _valid(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def is_usable(reply: bytes, kind: type[Reply | ScoreReply], *, is_own: bool) -> bool:
    """Whether a recorded reply is used: earlier releases recorded some that cannot be read.

    One with a malformed call is used by its own run alone; another run asks again, perhaps of a server that is mended.
    """
    try:
        again = msgspec.json.decode(reply, type=kind)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return False
    return is_own or isinstance(again, ScoreReply) or not any(call.invalid for call in again.calls)


def is_sound(usage: Usage | None) -> bool:
    """Whether a server's usage is one: numbers of tokens."""
    counts = [getattr(usage, name) for name in Usage.__struct_fields__] if usage is not None else [None]
    return all(type(count) is int and count >= 0 for count in counts)


def raw(reply: Reply | ScoreReply) -> bytes:
    """A reply of which the log cannot take everything, as far as it can be written down."""
    try:
        return repr(reply).encode(errors="backslashreplace")
    except RecursionError:
        return b""
