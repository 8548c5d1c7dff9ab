"""Anthropic's messages: https://platform.claude.com/docs/en/api/messages, November 2026."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal

import msgspec

from .asked import Asked, Reply, Unfit, arguments, chat, event, pieces, result, tool, turn

_STOP = {"stop": "end_turn", "length": "max_tokens", "tools": "tool_use", "refused": "refusal"}
_THOUGHT = ("thinking", "redacted_thinking")


class Block(msgspec.Struct):
    """A block of content."""

    type: str
    text: str = ""
    id: str = ""
    name: str = ""
    input: dict[str, Any] = {}
    tool_use_id: str = ""
    content: str | list[Block] | None = None
    is_error: bool | None = None


class Message(msgspec.Struct):
    """A message of the history."""

    role: Literal["user", "assistant", "system"]
    content: str | list[Block]


class Tool(msgspec.Struct):
    """A tool that is offered."""

    name: str
    type: str | None = None
    description: str | None = None
    input_schema: dict[str, Any] | None = None


class Choice(msgspec.Struct):
    """Which tool is to be called."""

    type: Literal["auto", "any", "tool", "none"]
    name: str = ""


class Format(msgspec.Struct):
    """The format of the reply."""

    type: str
    schema: dict[str, Any] | None = None


class Output(msgspec.Struct):
    """How the reply is to look."""

    format: Format | None = None


class Body(msgspec.Struct):
    """The body of a request; members that are not here only hint, and are left out."""

    messages: list[Message]
    model: str = ""
    max_tokens: int | None = None
    system: str | list[Block] | None = None
    temperature: float | None = None
    top_p: float | None = None
    stop_sequences: list[str] | None = None
    stream: bool | None = None
    tools: list[Tool] | None = None
    tool_choice: Choice | None = None
    output_config: Output | None = None
    output_format: Format | None = None


_decoder = msgspec.json.Decoder(Body)


def read(body: bytes) -> Asked:
    """The request in `body`; raises `Unfit`, and `msgspec.DecodeError` for a body of another shape."""
    asked = _decoder.decode(body)
    turns = [turn("system", _text(asked.system))] if asked.system else []
    turns += [one for message in asked.messages for one in _turns(message)]
    choice = asked.tool_choice or Choice("auto")
    format_ = (asked.output_config and asked.output_config.format) or asked.output_format
    arguments_ = chat(
        turns,
        max_tokens=asked.max_tokens,
        temperature=asked.temperature,
        top_p=asked.top_p,
        stop=asked.stop_sequences,
        schema=format_.schema if format_ else None,
        tools=[] if choice.type == "none" else [_tool(one) for one in asked.tools or ()],
        tool_choice={"any": "any", "tool": choice.name}.get(choice.type, ""),
    )
    return Asked(asked.model, arguments_, stream=bool(asked.stream))


def whole(replies: Sequence[Reply], asked: Asked, number: int) -> bytes:
    """The message; `number` tells it from others of the same solve."""
    (reply,) = replies
    content = [{"type": "text", "text": reply["text"]}] if reply["text"] or not reply["calls"] else []
    content += [
        {"type": "tool_use", "id": made["id"], "name": made["name"], "input": made["arguments"]}
        for made in reply["calls"]
    ]
    usage = {"input_tokens": reply["usage"]["input"], "output_tokens": reply["usage"]["output"]}
    return msgspec.json.encode(
        {**_head(asked, number), "content": content, "stop_reason": _STOP[reply["finish"]], "usage": usage}
    )


def streamed(replies: Sequence[Reply], asked: Asked, number: int) -> Iterator[bytes]:
    """The message as events: https://platform.claude.com/docs/en/build-with-claude/streaming"""
    (reply,) = replies

    def send(kind: str, **data: Any) -> bytes:
        return event({"type": kind, **data}, kind)

    usage = {"input_tokens": reply["usage"]["input"], "output_tokens": 1}
    yield send("message_start", message={**_head(asked, number), "content": [], "stop_reason": None, "usage": usage})
    index = 0
    if reply["text"] or not reply["calls"]:
        yield send("content_block_start", index=index, content_block={"type": "text", "text": ""})
        for piece in pieces(reply["text"]):
            yield send("content_block_delta", index=index, delta={"type": "text_delta", "text": piece})
        yield send("content_block_stop", index=index)
        index += 1
    for made in reply["calls"]:
        block = {"type": "tool_use", "id": made["id"], "name": made["name"], "input": {}}
        yield send("content_block_start", index=index, content_block=block)
        for piece in pieces(arguments(made)):
            yield send("content_block_delta", index=index, delta={"type": "input_json_delta", "partial_json": piece})
        yield send("content_block_stop", index=index)
        index += 1
    stop = {"stop_reason": _STOP[reply["finish"]], "stop_sequence": None}
    yield send("message_delta", delta=stop, usage={"output_tokens": reply["usage"]["output"]})
    yield send("message_stop")


def error(message: str, kind: str) -> dict[str, Any]:
    """An error as Anthropic has it."""
    return {"type": "error", "error": {"type": kind, "message": message}}


def _text(content: str | list[Block] | None) -> str:
    if not isinstance(content, list):
        return content or ""
    for block in content:
        if block.type != "text":
            raise Unfit(f"a block of type {block.type} is not passed on to the model, only text is")
    return "\n\n".join(block.text for block in content)


def _turns(message: Message) -> Iterator[dict[str, Any]]:
    """The turns of a message: each result of a tool is one of its own."""
    if isinstance(message.content, str):
        yield turn(message.role, message.content)
        return
    texts: list[Block] = []
    calls: list[dict[str, Any]] = []
    for block in message.content:
        if block.type == "tool_result" and message.role == "user":
            yield result(block.tool_use_id, _text(block.content), failed=bool(block.is_error))
        elif block.type == "tool_use" and message.role == "assistant":
            calls.append({"id": block.id, "name": block.name, "arguments": block.input})
        elif block.type not in _THOUGHT:
            texts.append(block)
    if texts or calls:
        yield turn(message.role, _text(texts), calls)


def _tool(one: Tool) -> dict[str, Any]:
    if one.type not in (None, "custom"):
        raise Unfit(f"the tool {one.name} of type {one.type} is one that Anthropic runs, which is not available here")
    return tool(one.name, one.description, one.input_schema)


def _head(asked: Asked, number: int) -> dict[str, Any]:
    return {
        "id": f"msg_{number}",
        "type": "message",
        "role": "assistant",
        "model": asked.model,
        "stop_sequence": None,
    }
