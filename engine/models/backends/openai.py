"""Servers with OpenAI's API: OpenAI, vLLM, llama.cpp's server, Ollama. Their differences are in `quirks`.

Uses plain HTTP, not OpenAI's SDK: the SDK has no types for most of what differs between servers, and a truncated reply
must not pass for a complete one.
"""

from __future__ import annotations

import json
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import msgspec

from engine.models.backends import responses
from engine.models.backends.quirks import CHOICE, QUIRKS, constraint, cut_prompt, final_text, sampling, written_calls
from engine.models.extras import missing_package
from engine.models.faults import classify, retry_after
from engine.models.protocol import (
    Finish,
    Message,
    OnText,
    PermanentError,
    Reply,
    Request,
    RetryableError,
    ScoreReply,
    Token,
    ToolCall,
    UnusableReply,
)
from engine.usage import Usage

OPENAI = "https://api.openai.com/v1"
SILENCE_S = 600.0
"""Seconds that a server may send nothing: a reply that is not streamed arrives after its last token."""
_FINISH: Mapping[str, Finish] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tools",
    "function_call": "tools",
    "content_filter": "refused",
}
Loader = Callable[[str], Awaitable[str]]
"""Loads an adapter into the server, and returns the model name to request it by."""


class OpenAI:
    """A model on the server at `url` (ending in `/v1`); `kind` is a key of `QUIRKS`."""

    def __init__(
        self,
        weights: str,
        url: str = OPENAI,
        *,
        kind: str = "openai",
        key: str = "",
        key_name: str = "OPENAI_API_KEY",
        load: Loader | None = None,
        silence_s: float = SILENCE_S,
    ) -> None:
        try:
            import httpx2
        except ModuleNotFoundError:
            raise missing_package("httpx2", "agents") from None
        self.weights = weights
        self.abilities = QUIRKS[kind].abilities
        self._kind, self._quirks, self._load = kind, QUIRKS[kind], load
        self._key_name = f"${key_name}" if key else ""
        headers = {"authorization": f"Bearer {key}"} if key else {}
        timeout = httpx2.Timeout(silence_s, connect=10.0)
        limits = httpx2.Limits(max_connections=None, max_keepalive_connections=64)  # its default would queue the 101st
        self._http = httpx2.AsyncClient(base_url=url.rstrip("/"), headers=headers, timeout=timeout, limits=limits)
        self._fault, self._silent, self._events = httpx2.HTTPError, httpx2.ReadTimeout, httpx2.EventSource

    async def chat(self, request: Request, on_text: OnText | None = None) -> Reply:
        """One reply; raises `RetryableError` or `PermanentError`."""
        if responses.serves(request, self._kind):
            answer = await self._post(responses.PATH, responses.wire(request) | {"model": self.weights})
            return responses.reply(answer, request)
        body = wire(request, self._kind) | {"model": await self._model_name(request.adapter)}
        if on_text and self._quirks.streams_usage and not request.choices:
            return await self._stream(body, request, on_text)
        answer = await self._post("/chat/completions", body)
        reply = _reply(answer, request)
        if self._quirks.cuts_prompts and (cut := cut_prompt(body, reply.usage)):
            raise cut
        if on_text:
            on_text(reply.text)
        return reply

    async def score(self, prompt: str, continuations: Sequence[str], *, adapter: str | None = None) -> ScoreReply:
        """Log-probabilities of `continuations`, each tokenized by itself; only vLLM scores given texts."""
        if not self._quirks.score:
            raise PermanentError(
                "this server scores no given texts", "use vLLM, or a model in this process (gguf:, hf:)"
            )
        name = await self._model_name(adapter)
        given = await self._tokens(prompt, name)
        logprobs, total = [], 0
        for text in continuations:
            ending = await self._tokens(text, name)
            body = {"model": name, "prompt": [*given, *ending], "max_tokens": 1, "temperature": 0, "prompt_logprobs": 0}
            answer = await self._post("/completions", body)
            try:
                rows = answer["choices"][0]["prompt_logprobs"][len(given) :]
                logprobs.append(sum(row[str(token)]["logprob"] for token, row in zip(ending, rows, strict=True)))
                total += answer["usage"]["prompt_tokens"]
            except _MALFORMED as error:
                raise _unusable(answer, error) from error
        return ScoreReply(logprobs, Usage(input=total, output=len(logprobs)))

    async def close(self) -> None:
        await self._http.aclose()

    async def _model_name(self, adapter: str | None) -> str:
        if adapter is None:
            return self.weights
        if self._load is None:
            raise PermanentError("this server takes no adapter", "use vLLM, or a model in this process (gguf:, hf:)")
        return await self._load(adapter)

    async def _tokens(self, text: str, name: str) -> list[int]:
        # /tokenize is vLLM's own endpoint, beside /v1
        url = self._http.base_url.join("/tokenize")
        answer = await self._post(url, {"model": name, "prompt": text, "add_special_tokens": False})
        try:
            return list(answer["tokens"])
        except _MALFORMED as error:
            raise RetryableError(f"the server's list of tokens is malformed ({type(error).__name__})") from error

    async def _post(self, path: Any, body: dict[str, Any]) -> dict[str, Any]:
        started = False
        try:
            async with self._http.stream("POST", path, json=body) as response:
                started = response.status_code == 200
                await response.aread()
        except self._fault as error:
            broken = self._connection_error(error)
            if started or isinstance(error, self._silent):  # the server has worked on it, and may bill it
                raise UnusableReply(str(broken), b"", None) from error
            raise broken from error
        if response.status_code != 200:
            raise self._classify(response, response.text)
        try:
            answer: dict[str, Any] = response.json()
        except (ValueError, RecursionError) as error:
            raise UnusableReply(f"the server's answer is not JSON ({error})", response.content, None) from error
        if isinstance(answer, dict) and answer.get("error") and not {"choices", "output"} & answer.keys():
            raise _told_error(answer, self._key_name)
        return answer

    async def _stream(self, body: dict[str, Any], request: Request, on_text: OnText) -> Reply:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
        builder = _ReplyBuilder(on_text, self._key_name)
        try:
            async with self._http.stream("POST", "/chat/completions", json=body) as response:
                if response.status_code != 200:
                    raise self._classify(response, (await response.aread()).decode(errors="replace"))
                async for event in self._events(response):
                    if event.data == "[DONE]":
                        return _reply(builder.build(), request)
                    builder.add(json.loads(event.data))
        except self._fault as error:
            raise builder.broken_off(str(self._connection_error(error))) from error
        except _MALFORMED as error:
            raise builder.broken_off(f"the stream sent a malformed event ({error})") from error
        raise builder.broken_off("the stream ended before the reply was complete")

    def _connection_error(self, error: Exception) -> RetryableError:
        return RetryableError(f"the connection to {self._http.base_url} broke ({type(error).__name__}: {error})")

    def _classify(self, response: Any, text: str) -> RetryableError | PermanentError:
        return classify(
            response.status_code, _error_message(text), key=self._key_name, after_s=retry_after(response.headers)
        )


def wire(request: Request, kind: str) -> dict[str, Any]:
    """The request in OpenAI's format for this kind of server; the caller adds `model`."""
    quirks = QUIRKS[kind]
    body: dict[str, Any] = {"messages": [_message(m) for m in request.messages], quirks.limit: request.max_tokens}
    body |= sampling(request, kind) | constraint(request, kind)
    if request.stop:
        body["stop"] = list(request.stop)
    if request.tools:
        if not quirks.tools:
            raise PermanentError("this server has no tools", "describe them in the prompt and ask with a schema")
        body["tools"] = [
            {"type": "function", "function": {"name": t.name, "description": t.description, "parameters": t.parameters}}
            for t in request.tools
        ]
        if request.tool_choice:
            named = {"type": "function", "function": {"name": request.tool_choice}}
            body["tool_choice"] = "required" if request.tool_choice == "any" else named
    if quirks.token_ids:
        body |= {"logprobs": True, "return_token_ids": True}
    return body


def _message(message: Message) -> dict[str, Any]:
    body: dict[str, Any] = {"role": message.role, "content": message.text}
    if message.role == "tool":
        return body | {"tool_call_id": message.answers}
    if message.calls:
        body["tool_calls"] = [
            {"id": c.id, "type": "function", "function": {"name": c.name, "arguments": json.dumps(c.arguments)}}
            for c in message.calls
        ]
        for block in message.blocks:
            body |= block
    return body


def _reply(answer: dict[str, Any], request: Request) -> Reply:
    """A complete reply. What is only missing (usage, an id, a known finish reason) does not matter."""
    try:
        choice = answer["choices"][0]
        message, finish = choice["message"], _FINISH.get(choice.get("finish_reason") or "", "stop")
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
            text, "tools" if calls and finish == "stop" else finish, _usage(answer.get("usage") or {}), calls=calls,
            prompt_ids=answer.get("prompt_token_ids") or (), tokens=_sampled_tokens(choice),
            usd=_dollars(answer.get("usage") or {}), blocks=_reasoning(message) if calls else (),
        )  # fmt: skip
    except _MALFORMED as error:
        raise _unusable(answer, error) from error


def _reasoning(message: Mapping[str, Any]) -> list[dict[str, str]]:
    """Reasoning that goes back with a call of a tool: DeepSeek answers 400 without it.

    https://api-docs.deepseek.com/guides/thinking_mode, November 2026. Other servers that send it take it or ignore it.
    """
    thought = message.get("reasoning_content")
    return [{"reasoning_content": thought}] if isinstance(thought, str) and thought else []


def _text(content: Any) -> str:
    """The text of a message or delta: a text, a list of parts, or nothing."""
    if isinstance(content, list):
        return "".join(_text(part.get("text")) for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else ""


_MALFORMED = (KeyError, IndexError, TypeError, ValueError, AttributeError)


def _unusable(answer: Any, error: Exception) -> UnusableReply:
    try:
        usage = _usage(answer["usage"])
    except _MALFORMED:
        usage = Usage()
    message = f"the reply is malformed ({type(error).__name__}: {error})"
    return UnusableReply(message, json.dumps(answer).encode(), None if usage == Usage() else usage)


def _usage(usage: Mapping[str, Any]) -> Usage:
    # `prompt_tokens` includes cached ones; `completion_tokens` includes reasoning that is not in the text.
    cached = _count((usage.get("prompt_tokens_details") or {}).get("cached_tokens"))
    prompt, output = _count(usage.get("prompt_tokens")), _count(usage.get("completion_tokens"))
    return Usage(input=max(0, prompt - cached), output=output, cache_read=cached)


def _dollars(usage: Mapping[str, Any]) -> float | None:
    """What the server says that a reply has cost, as OpenRouter does; None where it says nothing sound.

    https://openrouter.ai/docs/use-cases/usage-accounting, November 2026: `usage.cost`, charged to the account.
    """
    cost = usage.get("cost")
    sound = isinstance(cost, int | float) and not isinstance(cost, bool) and math.isfinite(cost) and cost >= 0
    return float(cost) if sound else None


def _count(value: Any) -> int:
    """A number of tokens; 0 where the server gives none."""
    return max(0, int(value)) if isinstance(value, int | float) and math.isfinite(value) else 0


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


def _error_message(text: str) -> str:
    """The message in an error response; each server has its own format."""
    try:
        body = json.loads(text)
        error = body.get("error", body)
        message = error if isinstance(error, str) else error.get("message") or error.get("detail")
        code = "" if isinstance(error, str) else error.get("code") or ""
    except (ValueError, AttributeError):
        return text.strip()[:300] or "empty response body"
    return f"{message or text.strip()[:300]}" + (f" [{code}]" if isinstance(code, str) and code else "")


def _told_error(answer: Mapping[str, Any], key: str) -> RetryableError | PermanentError:
    """The error that a server tells under status 200."""
    status = answer["error"].get("code") if isinstance(answer["error"], dict) else None
    return classify(status if isinstance(status, int) else 500, _error_message(json.dumps(answer)), key=key)


class _ReplyBuilder:
    """Builds the body of a reply that is not streamed from the chunks of a stream."""

    def __init__(self, on_text: OnText, key_name: str) -> None:
        self._on_text, self._key_name = on_text, key_name
        self._texts: list[str] = []
        self._thoughts: list[str] = []
        self._calls: dict[int, dict[str, Any]] = {}
        self._whole: dict[str, Any] = {}
        self._ids: list[int] = []
        self._logprobs: list[Any] = []
        self._finish: str | None = None
        self._began = False

    def add(self, chunk: dict[str, Any]) -> None:
        if "error" in chunk:
            raise _told_error(chunk, self._key_name)
        self._began = True
        self._whole |= {k: chunk[k] for k in ("usage", "prompt_token_ids") if chunk.get(k)}
        for choice in chunk.get("choices") or ():
            delta = choice.get("delta") or {}
            if text := _text(delta.get("content")):
                self._texts.append(text)
                self._on_text(text)
            self._thoughts.append(_text(delta.get("reasoning_content")))
            for call in delta.get("tool_calls") or ():
                self._add_call(call)
            if legacy := delta.get("function_call"):
                self._add_call({"index": 0, "function": legacy})
            self._ids += choice.get("token_ids") or ()
            self._logprobs += (choice.get("logprobs") or {}).get("content") or ()
            self._finish = choice.get("finish_reason") or self._finish

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
            elif found is not None:  # the arguments as an object, which is whole
                call["function"][part] = found

    def broken_off(self, message: str) -> RetryableError:
        """The error for a stream that gave no reply: it may have been billed as soon as it began."""
        if not self._began:
            return RetryableError(message)
        usage = _usage(self._whole.get("usage") or {})
        text = "".join(self._texts).encode(errors="replace")
        return UnusableReply(message, text, None if usage == Usage() else usage)

    def build(self) -> dict[str, Any]:
        message: dict[str, Any] = {"content": "".join(self._texts), "reasoning_content": "".join(self._thoughts)}
        message["tool_calls"] = [self._calls[i] for i in sorted(self._calls)]
        tokens = {"token_ids": self._ids, "logprobs": {"content": self._logprobs}}
        return {**self._whole, "choices": [{"message": message, "finish_reason": self._finish, **tokens}]}
