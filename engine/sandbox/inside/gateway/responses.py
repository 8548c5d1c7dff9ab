"""OpenAI's responses: https://platform.openai.com/docs/api-reference/responses, November 2026.

A request may go on from an earlier response of the same solve (`previous_response_id`): `Kept` has those.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from .asked import Asked, Reply, Unfit, arguments, call, chat, event, pieces, result, tool, turn
from .chat_completions import Part, text_of

Kept = dict[str, list[dict[str, Any]]]
"""The turns that a conversation had after a response, by the response's id."""


class Item(msgspec.Struct):
    """An item of the input."""

    type: str = "message"
    role: str = ""
    content: str | list[Part] | None = None
    call_id: str = ""
    name: str = ""
    arguments: str = ""
    output: str | list[Part] = ""


class Tool(msgspec.Struct):
    """A tool that is offered."""

    type: str
    name: str = ""
    description: str | None = None
    parameters: dict[str, Any] | None = None


class Choice(msgspec.Struct):
    """The one tool that is to be called."""

    type: str
    name: str = ""


class Format(msgspec.Struct):
    """The format of the reply."""

    type: str
    schema: dict[str, Any] | None = None


class Text(msgspec.Struct):
    """How the text is to look."""

    format: Format | None = None


class Body(msgspec.Struct):
    """The body of a request; members that are not here only hint, and are left out."""

    input: str | list[Item]
    model: str = ""
    instructions: str | None = None
    max_output_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    stream: bool | None = None
    tools: list[Tool] | None = None
    tool_choice: str | Choice | None = None
    text: Text | None = None
    previous_response_id: str | None = None
    background: bool | None = None
    conversation: Any = None


_decoder = msgspec.json.Decoder(Body)


def read(body: bytes, kept: Kept) -> Asked:
    """The request in `body`; raises `Unfit`, and `msgspec.DecodeError` for a body of another shape."""
    asked = _decoder.decode(body)
    if asked.background or asked.conversation:
        raise Unfit("background and conversation are not available here: send the conversation as input")
    before = kept.get(asked.previous_response_id or "")
    if asked.previous_response_id and before is None:
        raise Unfit(f"there is no response {asked.previous_response_id} in this solve")
    items = [Item(role="user", content=asked.input)] if isinstance(asked.input, str) else asked.input
    turns = [*(before or ()), *_turns(items)]
    if asked.instructions:  # those of an earlier request do not carry over
        turns.insert(0, turn("system", asked.instructions))
    arguments_ = chat(
        turns,
        max_tokens=asked.max_output_tokens,
        temperature=asked.temperature,
        top_p=asked.top_p,
        schema=_schema(asked.text.format if asked.text else None),
        tools=[] if asked.tool_choice == "none" else [_tool(one) for one in asked.tools or ()],
        tool_choice=_choice(asked.tool_choice),
    )
    return Asked(asked.model, arguments_, stream=bool(asked.stream), instructed=bool(asked.instructions))


def keep(kept: Kept, asked: Asked, reply: Reply, number: int) -> None:
    """Keeps the conversation after a response, without its instructions."""
    turns = asked.chat["messages"]
    said = turn("assistant", reply["text"], [_made(made) for made in reply["calls"]])
    kept[_identity(number)] = [*turns[asked.instructed :], said]


def whole(replies: Sequence[Reply], asked: Asked, number: int) -> bytes:
    """The response; `number` tells it from others of the same solve."""
    (reply,) = replies
    return msgspec.json.encode(_response(reply, asked, number))


def streamed(replies: Sequence[Reply], asked: Asked, number: int) -> Iterator[bytes]:
    """The response as events."""
    (reply,) = replies
    final = _response(reply, asked, number)
    begun = {**final, "status": "in_progress", "output": [], "usage": None, "incomplete_details": None}
    sequence = iter(range(1 << 30))

    def send(kind: str, **data: Any) -> bytes:
        return event({"type": kind, "sequence_number": next(sequence), **data}, kind)

    yield send("response.created", response=begun)
    yield send("response.in_progress", response=begun)
    for index, item in enumerate(final["output"]):
        at = {"item_id": item["id"], "output_index": index}
        if item["type"] == "message":
            (part,) = item["content"]
            inside = {**at, "content_index": 0}
            yield send(
                "response.output_item.added", output_index=index, item={**item, "status": "in_progress", "content": []}
            )
            yield send("response.content_part.added", **inside, part={**part, "text": ""})
            for piece in pieces(part["text"]):
                yield send("response.output_text.delta", **inside, delta=piece, logprobs=[])
            yield send("response.output_text.done", **inside, text=part["text"], logprobs=[])
            yield send("response.content_part.done", **inside, part=part)
        else:
            empty = {**item, "status": "in_progress", "arguments": ""}
            yield send("response.output_item.added", output_index=index, item=empty)
            for piece in pieces(item["arguments"]):
                yield send("response.function_call_arguments.delta", **at, delta=piece)
            done = {"name": item["name"], "arguments": item["arguments"]}
            yield send("response.function_call_arguments.done", **at, **done)
        yield send("response.output_item.done", output_index=index, item=item)
    yield send(f"response.{final['status']}", response=final)


def _identity(number: int) -> str:
    return f"resp_{number}"


def _turns(items: Sequence[Item]) -> list[dict[str, Any]]:
    """The turns of the items: a text and the calls that follow it are one turn of the assistant."""
    turns: list[dict[str, Any]] = []
    for item in items:
        match item.type:
            case "message":
                if item.role not in ("system", "developer", "user", "assistant"):
                    raise Unfit(f"a message of the role {item.role!r} is not one of system, user and assistant")
                turns.append(turn("system" if item.role == "developer" else item.role, text_of(item.content)))
            case "function_call":
                if not turns or turns[-1]["role"] != "assistant":
                    turns.append(turn("assistant", ""))
                made = call(item.call_id, item.name, item.arguments)
                turns[-1] = turn("assistant", turns[-1]["text"], [*turns[-1].get("calls", ()), made])
            case "function_call_output":
                turns.append(result(item.call_id, text_of(item.output)))
            case "reasoning":
                pass
            case _:
                raise Unfit(f"an item of type {item.type} is not passed on to the model")
    return turns


def _schema(format_: Format | None) -> dict[str, Any] | None:
    """As for chat completions: `json_object` sets none."""
    return format_.schema if format_ else None


def _tool(one: Tool) -> dict[str, Any]:
    if one.type != "function":
        raise Unfit(f"a tool of type {one.type} is not passed on to the model, only functions are")
    return tool(one.name, one.description, one.parameters)


def _choice(choice: str | Choice | None) -> str:
    if isinstance(choice, Choice):
        if choice.type != "function":
            raise Unfit(f"a tool_choice of type {choice.type} is not passed on to the model")
        return choice.name
    return {"required": "any"}.get(choice or "", "")


def _made(made: dict[str, Any]) -> dict[str, Any]:
    return {"id": made["id"], "name": made["name"], "arguments": made["arguments"]}


def _response(reply: Reply, asked: Asked, number: int) -> dict[str, Any]:
    cut, used = reply["finish"] == "length", reply["usage"]
    reason = {"length": "max_output_tokens", "refused": "content_filter"}.get(reply["finish"])
    output: list[dict[str, Any]] = []
    if reply["text"] or not reply["calls"]:
        part = {"type": "output_text", "text": reply["text"], "annotations": [], "logprobs": []}
        status = "incomplete" if cut else "completed"
        output.append(
            {"type": "message", "id": f"msg_{number}", "status": status, "role": "assistant", "content": [part]}
        )
    for at, made in enumerate(reply["calls"]):
        named = {"call_id": made["id"], "name": made["name"], "arguments": arguments(made)}
        output.append({"type": "function_call", "id": f"fc_{number}_{at}", "status": "completed", **named})
    return {
        "id": _identity(number),
        "object": "response",
        "created_at": int(time.time()),
        "status": "incomplete" if reason else "completed",
        "error": None,
        "incomplete_details": {"reason": reason} if reason else None,
        "instructions": None,
        "max_output_tokens": asked.chat["max_tokens"],
        "metadata": {},
        "model": asked.model,
        "output": output,
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "temperature": asked.chat["temperature"],
        "text": {"format": {"type": "text"}},
        "tool_choice": "auto",
        "tools": [],
        "top_p": asked.chat["top_p"],
        "truncation": "disabled",
        "usage": {
            "input_tokens": used["input"],
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": used["output"],
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": used["input"] + used["output"],
        },
    }
