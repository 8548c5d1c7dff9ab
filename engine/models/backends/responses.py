"""OpenAI's Responses API, for models that refuse tools on chat completions while they reason.

Nothing is stored at OpenAI (`store: false`): reasoning comes encrypted, is kept with the reply, and goes back unchanged
with it. The fields are those of https://platform.openai.com/docs/api-reference/responses in November 2026; the
encrypted reasoning is that of https://platform.openai.com/docs/guides/reasoning, "Encrypted reasoning items".
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from engine.models.backends.chat_reply import count, fields, told_error
from engine.models.backends.quirks import CHOICE, choice_schema
from engine.models.protocol import (
    Finish,
    Message,
    OnText,
    PermanentError,
    Reply,
    Request,
    RetryableError,
    ToolCall,
    UnusableReply,
)
from engine.usage import Usage

PATH = "/responses"
_MALFORMED = (KeyError, IndexError, TypeError, ValueError, AttributeError, RecursionError)


def wire(request: Request) -> dict[str, Any]:
    """The request in the form of the Responses API; the caller adds `model`."""
    if request.stop:
        raise PermanentError("this model takes no stop texts", "leave `stop` out")
    body: dict[str, Any] = {
        "input": [item for message in request.messages for item in _items(message)],
        "max_output_tokens": request.max_tokens,
        "store": False,
        "include": ["reasoning.encrypted_content"],
        "tools": [
            {"type": "function", "name": t.name, "description": t.description, "parameters": t.parameters,
             "strict": False} for t in request.tools
        ],
    }  # fmt: skip
    if request.tool_choice:
        named = {"type": "function", "name": request.tool_choice}
        body["tool_choice"] = "required" if request.tool_choice == "any" else named
    body |= {"reasoning": {"effort": request.effort}} if request.effort else {}
    schema = choice_schema(request.choices) if request.choices else request.schema
    if schema:
        body["text"] = {"format": {"type": "json_schema", "name": "reply", "schema": schema}}
    return body


def _items(message: Message) -> list[Mapping[str, Any]]:
    if message.role == "tool":
        return [{"type": "function_call_output", "call_id": message.answers, "output": message.text}]
    if message.blocks:
        return list(message.blocks)
    calls: list[Mapping[str, Any]] = [
        {"type": "function_call", "call_id": c.id, "name": c.name, "arguments": json.dumps(c.arguments)}
        for c in message.calls
    ]
    return ([{"role": message.role, "content": message.text}] if message.text or not calls else []) + calls


class StreamedAnswer:
    """The answer with which a stream ends; its text and calls are told as they arrive.

    https://developers.openai.com/docs/guides/streaming-responses, November 2026: events have a `type`; the last one is
    `response.completed`, `response.incomplete` or `response.failed`, and holds the answer as it is without a stream.
    """

    asks: Mapping[str, Any] = {"stream": True}

    def __init__(self, on_text: OnText, key_name: str) -> None:
        self.began = False  # whether the server has taken the request
        self._on_text, self._key_name = on_text, key_name
        self._answer: dict[str, Any] = {}
        self._said: list[str] = []

    def add(self, data: str) -> bool:
        """Takes the data of the next event; true if it was the last."""
        event = json.loads(data)
        match event["type"]:
            case "response.output_text.delta" | "response.function_call_arguments.delta":
                self._say(event["delta"])
            case "response.output_item.added" if event["item"].get("type") == "function_call":
                self._say(f"\n{event['item'].get('name')} ")
            case "error":
                raise told_error({"error": event.get("error") or event}, self._key_name)
            case "response.completed" | "response.incomplete" | "response.failed":
                self._answer = event["response"]
                return True
        return False

    def _say(self, text: str) -> None:
        self._said.append(text)
        self._on_text(text)

    def broken_off(self, message: str) -> RetryableError:
        """The error for a stream that gave no reply: it may have been billed as soon as it began."""
        return (
            UnusableReply(message, "".join(self._said).encode(errors="replace"), None)
            if self.began
            else (RetryableError(message))
        )

    def build(self) -> dict[str, Any]:
        return self._answer


def reply(answer: Mapping[str, Any], request: Request) -> Reply:
    """The reply in an answer; raises `UnusableReply` where it is malformed, or failed after it was begun."""
    try:
        output, usage = answer["output"], _usage(fields(answer.get("usage")))
        if answer.get("status") == "failed":
            raise ValueError(f"the server ended it with an error: {(answer.get('error') or {}).get('message')}")
        parts = [part for item in output if item.get("type") == "message" for part in item.get("content") or ()]
        text = "".join(part.get("text") or "" for part in parts if part.get("type") == "output_text")
        calls = [_call(item, place) for place, item in enumerate(output) if item.get("type") == "function_call"]
        refused = any(part.get("type") == "refusal" for part in parts)
        finish = _finish(answer, refused=refused, calls=calls)
        if request.choices and finish == "stop":
            text = msgspec.json.decode(text)[CHOICE]
        kept = output if any(item.get("type") == "reasoning" for item in output) else ()
        return Reply(text, finish, usage, calls=calls, blocks=[_returned(item) for item in kept])
    except _MALFORMED as error:
        message = f"the reply is malformed ({type(error).__name__}: {error})"
        usage = _usage(fields(fields(answer).get("usage")))
        raise UnusableReply(message, json.dumps(answer).encode(), None if usage == Usage() else usage) from error


def _finish(answer: Mapping[str, Any], *, refused: bool, calls: Sequence[ToolCall]) -> Finish:
    if answer.get("status") == "incomplete":
        reason = (answer.get("incomplete_details") or {}).get("reason")
        return "refused" if reason == "content_filter" else "length"
    if refused:
        return "refused"
    return "tools" if calls else "stop"


def _call(item: Mapping[str, Any], place: int) -> ToolCall:
    identity, name = str(item.get("call_id") or f"call-{place}"), str(item.get("name") or "")
    arguments = item.get("arguments") or "{}"
    try:
        return ToolCall(identity, name, json.loads(arguments) if isinstance(arguments, str) else arguments)
    except (ValueError, TypeError, RecursionError) as error:
        return ToolCall(identity, name, {}, invalid=f"the arguments are not JSON ({error})")


def _returned(item: Mapping[str, Any]) -> dict[str, Any]:
    """An item as it goes back: without its status, which is the server's to say, and with arguments that are JSON."""
    kept = {name: value for name, value in item.items() if name != "status"}
    if item.get("type") == "function_call" and _call(item, 0).invalid:
        kept["arguments"] = "{}"
    return kept


def _usage(usage: Mapping[str, Any]) -> Usage:
    cached = count(fields(usage.get("input_tokens_details")).get("cached_tokens"))
    prompt, output = count(usage.get("input_tokens")), count(usage.get("output_tokens"))
    return Usage(input=max(0, prompt - cached), output=output, cache_read=cached)
