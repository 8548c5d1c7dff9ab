"""OpenAI's chat completions: https://platform.openai.com/docs/api-reference/chat, November 2026.

Servers with the same API (vLLM, llama.cpp, Ollama) add `return_token_ids`; with it a reply has `prompt_token_ids` and
`token_ids` as vLLM names them, where the backend has them.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any, Literal

import msgspec

from .asked import Asked, Reply, Unfit, arguments, call, chat, event, pieces, result, tool, turn

MOST_CHOICES = 16
_FINISH = {"stop": "stop", "length": "length", "tools": "tool_calls", "refused": "content_filter"}


class Part(msgspec.Struct):
    """A part of a message's content."""

    type: str
    text: str = ""
    refusal: str = ""


class Function(msgspec.Struct):
    """The function of a call."""

    name: str
    arguments: str = ""


class Call(msgspec.Struct):
    """A tool call in the history."""

    id: str
    function: Function | None = None


class Message(msgspec.Struct):
    """A message of the history."""

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[Part] | None = None
    tool_calls: list[Call] | None = None
    tool_call_id: str = ""


class Declared(msgspec.Struct):
    """The function of a tool."""

    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None


class Tool(msgspec.Struct):
    """A tool that is offered."""

    type: str = "function"
    function: Declared | None = None


class Named(msgspec.Struct):
    """Something by its name."""

    name: str


class Choice(msgspec.Struct):
    """The one tool that is to be called."""

    type: str
    function: Named | None = None


class Schema(msgspec.Struct):
    """A schema under a name."""

    schema: dict[str, Any] | None = None


class Format(msgspec.Struct):
    """The format of the reply."""

    type: str
    json_schema: Schema | None = None


class StreamOptions(msgspec.Struct):
    """What a stream has beside the text."""

    include_usage: bool | None = None


class Body(msgspec.Struct):
    """The body of a request; members that are not here only hint, and are left out."""

    messages: list[Message]
    model: str = ""
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    stop: str | list[str] | None = None
    n: int | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    tools: list[Tool] | None = None
    tool_choice: str | Choice | None = None
    response_format: Format | None = None
    logprobs: bool | None = None
    return_token_ids: bool | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    logit_bias: dict[str, float] | None = None
    functions: Any = None


_decoder = msgspec.json.Decoder(Body)


def read(body: bytes) -> Asked:
    """The request in `body`; raises `Unfit`, and `msgspec.DecodeError` for a body of another shape."""
    asked = _decoder.decode(body)
    for name in ("frequency_penalty", "presence_penalty", "logit_bias", "functions"):
        if getattr(asked, name):
            raise Unfit(f"{name} is not passed on to the model: leave it out")
    count = asked.n or 1
    if not 1 <= count <= MOST_CHOICES:
        raise Unfit(f"n lies between 1 and {MOST_CHOICES}")
    if asked.max_completion_tokens is None:
        asked.max_completion_tokens = asked.max_tokens
    offered = [] if asked.tool_choice == "none" else [_tool(one) for one in asked.tools or ()]
    arguments_ = chat(
        [one for message in asked.messages for one in _turns(message)],
        max_tokens=asked.max_completion_tokens,
        temperature=asked.temperature,
        top_p=asked.top_p,
        stop=asked.stop,
        schema=schema_of(asked.response_format),
        tools=offered,
        tool_choice=_choice(asked.tool_choice),
    )
    return Asked(
        asked.model,
        arguments_,
        stream=bool(asked.stream),
        count=count,
        usage=asked.stream_options is not None and bool(asked.stream_options.include_usage),
        logprobs=bool(asked.logprobs),
        token_ids=bool(asked.return_token_ids),
    )


def schema_of(format_: Format | None) -> dict[str, Any] | None:
    """The schema of the reply. `json_object` sets none: the prompt asks for JSON then, as OpenAI requires."""
    if format_ is None or format_.type in ("text", "json_object"):
        return None
    if format_.type != "json_schema" or format_.json_schema is None:
        raise Unfit(f"the format {format_.type} is not one of text, json_object and json_schema")
    return format_.json_schema.schema


def whole(replies: Sequence[Reply], asked: Asked, number: int) -> bytes:
    """The completion; `number` tells it from others of the same solve."""
    first = _head(asked, number, "chat.completion")
    choices = [
        {"index": index, "message": _message(reply), "finish_reason": _FINISH[reply["finish"]], **_tokens(reply, asked)}
        for index, reply in enumerate(replies)
    ]
    more = {"prompt_token_ids": replies[0].get("prompt_ids")} if asked.token_ids else {}
    return msgspec.json.encode({**first, "choices": choices, "usage": _usage(replies), **more})


def streamed(replies: Sequence[Reply], asked: Asked, number: int) -> Iterator[bytes]:
    """The completion as events."""
    first = _head(asked, number, "chat.completion.chunk") | ({"usage": None} if asked.usage else {})
    ids = {"prompt_token_ids": replies[0].get("prompt_ids")} if asked.token_ids else {}

    def chunk(index: int, delta: dict[str, Any], finish: str | None = None, **more: Any) -> bytes:
        choice = {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish, **more}
        return event({**first, "choices": [choice]})

    for index, reply in enumerate(replies):
        yield chunk(index, {"role": "assistant", "content": ""})
        for piece in pieces(reply["text"]):
            yield chunk(index, {"content": piece})
        for at, made in enumerate(_calls(reply)):
            yield chunk(index, {"tool_calls": [{"index": at, **made}]})
        yield chunk(index, {}, _FINISH[reply["finish"]], **_tokens(reply, asked))
    if asked.usage or ids:
        yield event({**first, "choices": [], "usage": _usage(replies), **ids})
    yield event("[DONE]")


def error(message: str, kind: str) -> dict[str, Any]:
    """An error as both of OpenAI's APIs have it."""
    return {"error": {"message": message, "type": kind, "param": None, "code": None}}


def text_of(content: str | list[Part] | None) -> str:
    """The text of a content; raises `Unfit` for a part that is none."""
    if not isinstance(content, list):
        return content or ""
    for part in content:
        if part.type not in ("text", "refusal", "input_text", "output_text"):
            raise Unfit(f"a part of type {part.type} is not passed on to the model, only text is")
    return "".join(part.text or part.refusal for part in content)


def _turns(message: Message) -> Iterator[dict[str, Any]]:
    text = text_of(message.content)
    if message.role == "tool":
        yield result(message.tool_call_id, text)
        return
    calls = []
    for made in message.tool_calls or ():
        if made.function is None:
            raise Unfit(f"the call {made.id} is not one of a function")
        calls.append(call(made.id, made.function.name, made.function.arguments))
    yield turn("system" if message.role == "developer" else message.role, text, calls)


def _tool(one: Tool) -> dict[str, Any]:
    if one.type != "function" or one.function is None:
        raise Unfit(f"a tool of type {one.type} is not passed on to the model, only functions are")
    return tool(one.function.name, one.function.description, one.function.parameters)


def _choice(choice: str | Choice | None) -> str:
    if isinstance(choice, Choice):
        if choice.function is None:
            raise Unfit(f"a tool_choice of type {choice.type} is not passed on to the model")
        return choice.function.name
    return {"required": "any"}.get(choice or "", "")


def _head(asked: Asked, number: int, kind: str) -> dict[str, Any]:
    return {"id": f"chatcmpl-{number}", "object": kind, "created": int(time.time()), "model": asked.model}


def _message(reply: Reply) -> dict[str, Any]:
    calls = _calls(reply)
    said: dict[str, Any] = {"role": "assistant", "content": reply["text"] or (None if calls else ""), "refusal": None}
    return said | ({"tool_calls": calls} if calls else {})


def _calls(reply: Reply) -> list[dict[str, Any]]:
    return [
        {"id": made["id"], "type": "function", "function": {"name": made["name"], "arguments": arguments(made)}}
        for made in reply["calls"]
    ]


def _tokens(reply: Reply, asked: Asked) -> dict[str, Any]:
    """Log-probabilities and ids of the tokens, None where the backend has none. Their texts are not known."""
    tokens = reply.get("tokens") or None
    content = tokens and [{"token": "", "bytes": None, "logprob": value, "top_logprobs": []} for _, value in tokens]
    found: dict[str, Any] = {"logprobs": {"content": content, "refusal": None} if asked.logprobs and content else None}
    return found | ({"token_ids": tokens and [identity for identity, _ in tokens]} if asked.token_ids else {})


def _usage(replies: Sequence[Reply]) -> dict[str, int]:
    """The prompt counts once, as OpenAI counts it for several choices."""
    prompt, completion = replies[0]["usage"]["input"], sum(reply["usage"]["output"] for reply in replies)
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
