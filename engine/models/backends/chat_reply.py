"""Replies of servers with OpenAI's chat completions: whole or streamed, and whatever is wrong with them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import msgspec

from engine.models.backends.quirks import CHOICE, final_text, written_calls
from engine.models.faults import classify
from engine.models.protocol import (
    Finish,
    OnText,
    PermanentError,
    Reply,
    Request,
    RetryableError,
    Token,
    ToolCall,
    UnusableReply,
)
from engine.usage import Usage

_MOST = 1 << 53
"""Tokens, or dollars: far beyond any reply, and exact in every number."""
_FINISH: Mapping[str, Finish] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tools",
    "function_call": "tools",
    "content_filter": "refused",
}


def reply(answer: dict[str, Any], request: Request) -> Reply:
    """A complete reply. What is only missing (usage, an id, a known finish reason) does not matter."""
    try:
        choice = answer["choices"][0]
        message, finish = choice["message"], _FINISH.get(str(choice.get("finish_reason")), "stop")
        if choice.get("finish_reason") == "error":
            raise ValueError("the server ended it with an error")
        text = final_text(_text(message.get("content")))
        if request.choices and text.startswith("{") and finish == "stop":
            text = msgspec.json.decode(text)[CHOICE]
        legacy = message.get("function_call")
        found = message.get("tool_calls") or ([{"function": legacy}] if legacy else ())
        if request.tools and not found:
            text, found = written_calls(text)
        calls = [_call(call, f"call-{number}") for number, call in enumerate(found)]
        return Reply(
            text, "tools" if calls and finish == "stop" else finish, _usage(fields(answer.get("usage"))), calls=calls,
            prompt_ids=answer.get("prompt_token_ids") or (), tokens=_sampled_tokens(choice),
            usd=_dollars(fields(answer.get("usage"))), blocks=_reasoning(message) if calls else (),
        )  # fmt: skip
    except MALFORMED as error:
        raise unusable(answer, error) from error


def _reasoning(message: Mapping[str, Any]) -> list[dict[str, str]]:
    """Reasoning that goes back with a call of a tool: DeepSeek answers 400 without it, also where it is empty.

    https://api-docs.deepseek.com/guides/thinking_mode, November 2026, and github.com/deepseek-ai/deepseek-harness,
    discussion 739. Other servers that send it take it or ignore it.
    """
    thought = message.get("reasoning_content")
    return [{"reasoning_content": thought}] if isinstance(thought, str) else []


def _text(content: Any) -> str:
    """The text of a message or delta: a text, a list of parts, or nothing."""
    if isinstance(content, list):
        return "".join(_text(part.get("text")) for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else ""


MALFORMED = (KeyError, IndexError, TypeError, ValueError, AttributeError)


def unusable(answer: Any, error: Exception) -> UnusableReply:
    try:
        usage = _usage(fields(answer["usage"]))
    except MALFORMED:
        usage = Usage()
    message = f"the reply is malformed ({type(error).__name__}: {error})"
    return UnusableReply(message, json.dumps(answer).encode(), None if usage == Usage() else usage)


def _usage(usage: Mapping[str, Any]) -> Usage:
    # `prompt_tokens` includes cached ones; `completion_tokens` includes reasoning that is not in the text.
    cached = count(fields(usage.get("prompt_tokens_details")).get("cached_tokens"))
    prompt, output = count(usage.get("prompt_tokens")), count(usage.get("completion_tokens"))
    return Usage(input=max(0, prompt - cached), output=output, cache_read=cached)


def _dollars(usage: Mapping[str, Any]) -> float | None:
    """What the server says that a reply has cost, as OpenRouter does; None where it says nothing sound.

    https://openrouter.ai/docs/use-cases/usage-accounting, November 2026: `usage.cost`, charged to the account.
    """
    cost = usage.get("cost")
    return float(cost) if isinstance(cost, int | float) and not isinstance(cost, bool) and 0 <= cost <= _MOST else None


def count(value: Any) -> int:
    """A number of tokens; 0 where the server gives none, or one that no reply can have."""
    return int(value) if isinstance(value, int | float) and 0 <= value <= _MOST else 0


def fields(value: Any) -> Mapping[str, Any]:
    """The map that a server gives; nothing where it gives something else."""
    return value if isinstance(value, dict) else {}


def _call(call: Mapping[str, Any], unnamed: str) -> ToolCall:
    """A tool call; `unnamed` is its id where the server gives none. The agent reads what is wrong with arguments."""
    function, invalid = call.get("function") or {}, ""
    arguments = function.get("arguments")
    try:
        if arguments is None or isinstance(arguments, str):
            arguments = json.loads(arguments or "{}")
    except (ValueError, RecursionError) as error:
        arguments, invalid = {}, f"the arguments are not JSON ({error})"
    return ToolCall(str(call.get("id") or unnamed), str(function.get("name") or ""), arguments, invalid=invalid)


def _sampled_tokens(choice: Mapping[str, Any]) -> list[Token]:
    ids, rows = choice.get("token_ids") or (), (choice.get("logprobs") or {}).get("content") or ()
    return [Token(i, row["logprob"]) for i, row in zip(ids, rows, strict=True)] if len(ids) == len(rows) else []


def error_message(text: str) -> str:
    """The message in an error response; each server has its own format."""
    try:
        body = json.loads(text)
        error = body.get("error", body)
        message = error if isinstance(error, str) else error.get("message") or error.get("detail")
        code = "" if isinstance(error, str) else error.get("code") or ""
    except (ValueError, AttributeError):
        return text.strip()[:300] or "empty response body"
    return f"{message or text.strip()[:300]}" + (f" [{code}]" if isinstance(code, str) and code else "")


def told_error(answer: Mapping[str, Any], key: str) -> RetryableError | PermanentError:
    """The error that a server tells under status 200."""
    status = answer["error"].get("code") if isinstance(answer["error"], dict) else None
    return classify(status if isinstance(status, int) else 500, error_message(json.dumps(answer)), key=key)


class StreamedChat:
    """Builds the body of a reply that is not streamed from the chunks of a stream."""

    asks: Mapping[str, Any] = {"stream": True, "stream_options": {"include_usage": True}}

    def __init__(self, on_text: OnText, key_name: str) -> None:
        self.began = False  # whether the server has taken the request
        self._on_text, self._key_name = on_text, key_name
        self._texts: list[str] = []
        self._thoughts: list[str] = []
        self._calls: dict[int, dict[str, Any]] = {}
        self._whole: dict[str, Any] = {}
        self._ids: list[int] = []
        self._logprobs: list[Any] = []
        self._finish: str | None = None

    def add(self, data: str) -> bool:
        """Takes the data of the next event; true if it was the last."""
        if data == "[DONE]":
            return True
        chunk = json.loads(data)
        if "error" in chunk:
            raise told_error(chunk, self._key_name)
        self._whole |= {k: chunk[k] for k in ("usage", "prompt_token_ids") if chunk.get(k)}
        for choice in chunk.get("choices") or ():
            delta = choice.get("delta") or {}
            if text := _text(delta.get("content")):
                self._texts.append(text)
                self._on_text(text)
            if isinstance(thought := delta.get("reasoning_content"), str):
                self._thoughts.append(thought)
            for call in delta.get("tool_calls") or ():
                self._add_call(call)
            if legacy := delta.get("function_call"):
                self._add_call({"index": 0, "function": legacy})
            self._ids += choice.get("token_ids") or ()
            self._logprobs += (choice.get("logprobs") or {}).get("content") or ()
            self._finish = choice.get("finish_reason") or self._finish
        return False

    def _add_call(self, delta: dict[str, Any]) -> None:
        index = delta.get("index")
        if index is None:  # a delta with an id begins a call
            index = len(self._calls) if delta.get("id") else max(self._calls, default=0)
        call = self._calls.setdefault(index, {"id": "", "function": {"name": "", "arguments": ""}})
        call["id"] = delta.get("id") or call["id"]
        for part in ("name", "arguments"):
            found = (delta.get("function") or {}).get(part)
            if isinstance(found, str):
                call["function"][part] += found
                self._on_text(f"\n{found} " if part == "name" and found else found)
            elif found is not None:  # the arguments as an object, which is whole
                call["function"][part] = found

    def broken_off(self, message: str) -> RetryableError:
        """The error for a stream that gave no reply: it may have been billed as soon as it began."""
        if not self.began:
            return RetryableError(message)
        usage = _usage(fields(self._whole.get("usage")))
        text = "".join(self._texts).encode(errors="replace")
        return UnusableReply(message, text, None if usage == Usage() else usage)

    def build(self) -> dict[str, Any]:
        message: dict[str, Any] = {"content": "".join(self._texts)}
        message |= {"reasoning_content": "".join(self._thoughts)} if self._thoughts else {}
        message["tool_calls"] = [self._calls[i] for i in sorted(self._calls)]
        tokens = {"token_ids": self._ids, "logprobs": {"content": self._logprobs}}
        return {**self._whole, "choices": [{"message": message, "finish_reason": self._finish, **tokens}]}
