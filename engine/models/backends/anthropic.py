"""Claude through Anthropic's Messages API: streamed, with tools, structured output and prompt caching.

One call is one request: the SDK's own retries are off, since the caller records retries. A reply is complete only with
its `message_stop`; a stream that ends earlier is a `RetryableError`, however much text has arrived.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from engine.errors import SiaError
from engine.models.extras import missing_package
from engine.models.faults import classify, retry_after
from engine.models.known_models import Known, known
from engine.models.protocol import (
    Abilities,
    Finish,
    Message,
    OnText,
    PermanentError,
    Reply,
    Request,
    RetryableError,
    ScoreReply,
    ToolCall,
    UnusableReply,
    ask_for_call,
)
from engine.usage import Usage

if TYPE_CHECKING:
    from anthropic.types import RawMessageStreamEvent

DEFAULT = "claude-sonnet-5-5"
KEY = "ANTHROPIC_API_KEY"
SILENCE_S = 120.0
"""Seconds without any event, even `ping`, after which a stream counts as broken."""
_FINISH: Mapping[str, Finish] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tools",
    "refusal": "refused",
}
_VERSION = {"anthropic-version": "2023-06-01"}
"""The last API version with sampling parameters, one of `temperature` and `top_p`; the SDK uses a later one, which
rejects them (400)."""
_KINDS = {"rate_limit_error": 429, "overloaded_error": 529, "timeout_error": 504, "invalid_request_error": 400}
"""The HTTP status that an `error` event within a stream stands for; 500 for all others."""
_EPHEMERAL = {"cache_control": {"type": "ephemeral"}}


class Anthropic:
    """Claude; `weights` is Anthropic's name of the model. $ANTHROPIC_BASE_URL names another server."""

    abilities = Abilities(choices=True, schema=True)

    def __init__(
        self, weights: str = DEFAULT, *, key: str | None, facts: Known | None = None, silence_s: float = SILENCE_S
    ) -> None:
        try:
            import anthropic
            import httpx2
        except ModuleNotFoundError as error:
            raise missing_package(str(error.name), "agents") from None
        if not key:
            raise SiaError("there is no key for Claude", f"set ${KEY}, or store it with `keyring set sia {KEY}`")
        self.weights = weights
        self._facts = facts
        self.abilities = replace(self.abilities, window=(facts or known(weights)).window)
        timeout = httpx2.Timeout(silence_s, connect=10.0)
        self._client = anthropic.AsyncAnthropic(api_key=key, max_retries=0, timeout=timeout)
        self._api, self._http = anthropic, httpx2

    async def chat(self, request: Request, on_text: OnText | None = None) -> Reply:
        """One reply; raises `RetryableError` or `PermanentError`."""
        facts = self._facts or known(request.weights)
        body = wire(request, facts)
        if format_ := _format(request, self._api.transform_schema):
            body["output_config"] = {"format": format_, **body.get("output_config", {})}
        builder = _ReplyBuilder(None if request.choices else on_text)
        try:
            if sampling := _sampling(request, facts):
                body |= {"extra_body": sampling, "extra_headers": _VERSION}
            async with await self._client.messages.create(**body, stream=True) as stream:
                async for event in stream:
                    builder.add(event)
        except self._api.APIStatusError as error:
            raise _status_error(error) from error
        except (self._api.APIConnectionError, self._http.HTTPError) as error:
            message = f"the connection to Anthropic broke ({type(error).__name__}: {error})"
            raise builder.broken_off(message) from error
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            raise builder.broken_off(f"the stream sent a malformed event ({error})") from error
        return builder.build(request)

    async def score(self, prompt: str, continuations: Sequence[str], *, adapter: str | None = None) -> ScoreReply:
        """Raises `PermanentError`: Claude gives no log-probabilities."""
        raise PermanentError("Claude gives no log-probabilities", "ask with choices, or score with a local model")

    async def close(self) -> None:
        await self._client.close()


def wire(request: Request, facts: Known) -> dict[str, Any]:
    """The request in Anthropic's format, with up to two `cache_control` marks: on tools and system prompt, and on the
    last turn."""
    if request.adapter:
        raise PermanentError("Claude takes no adapter", "use a local model for the weights lever")
    system: list[dict[str, Any]] = [
        {"type": "text", "text": m.text} for m in request.messages if m.role == "system" and m.text.strip()
    ]
    tools: list[dict[str, Any]] = [
        {"name": tool.name, "description": tool.description, "input_schema": dict(tool.parameters)}
        for tool in request.tools
    ]
    forced = bool(tools and request.tool_choice)
    if forced and not facts.forces:
        system.append({"type": "text", "text": ask_for_call(request.tool_choice)})
        forced = False
    turns = _turns([m for m in request.messages if m.role != "system"])
    for marked in (system or tools, turns[-1]["content"] if turns else []):
        if marked:
            marked[-1] = {**marked[-1], **_EPHEMERAL}
    body: dict[str, Any] = {
        "model": request.weights,
        "max_tokens": min(request.max_tokens, facts.output),
        "messages": turns,
    }
    # platform.claude.com/docs/en/build-with-claude/effort
    body |= {"output_config": {"effort": request.effort}} if request.effort else {}
    body |= {"system": system} if system else {}
    body |= {"tools": tools} if tools else {}
    body |= {"stop_sequences": list(request.stop)} if request.stop else {}
    if forced:
        named = {"type": "tool", "name": request.tool_choice}
        body["tool_choice"] = {"type": "any"} if request.tool_choice == "any" else named
    return body


def _sampling(request: Request, facts: Known) -> dict[str, float]:
    if not facts.samples:
        return {}
    if request.top_p == 1.0:
        return {"temperature": request.temperature}
    if request.temperature == 1.0:
        return {"top_p": request.top_p}
    raise PermanentError("Claude takes temperature or top_p, not both", "leave one of them at 1")


def _turns(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """Alternating user and assistant turns; tool results belong to the user's turn, and must come first in it."""
    turns: list[dict[str, Any]] = []
    for message in messages:
        role = "assistant" if message.role == "assistant" else "user"
        if not turns or turns[-1]["role"] != role:
            turns.append({"role": role, "content": []})
        turns[-1]["content"] += _blocks(message)
    return [turn for turn in turns if turn["content"]]


def _blocks(message: Message) -> list[dict[str, Any]]:
    if message.role == "tool":
        answer = {"type": "tool_result", "tool_use_id": message.answers, "is_error": message.failed}
        return [answer | ({"content": message.text} if message.text else {})]
    # the API refuses a text of blanks, also one that Claude itself wrote before a call
    if message.blocks:
        return [_sound(block) for block in message.blocks if block.get("type") != "text" or block["text"].strip()]
    calls = [{"type": "tool_use", "id": c.id, "name": c.name, "input": c.arguments} for c in message.calls]
    return ([{"type": "text", "text": message.text}] if message.text.strip() else []) + calls


def _sound(block: Mapping[str, Any]) -> dict[str, Any]:
    """A block as the API takes it back: Claude may have called a tool with something else than an object."""
    is_unsound = block.get("type") == "tool_use" and not isinstance(block.get("input"), dict)
    return {**block, "input": {}} if is_unsound else dict(block)


def _format(request: Request, transform: Any) -> dict[str, Any] | None:
    schema: Any = request.schema
    if request.choices:
        choice = {"type": "string", "enum": list(request.choices)}
        schema = {"type": "object", "properties": {"choice": choice}, "required": ["choice"]}
    return {"type": "json_schema", "schema": transform(schema)} if schema else None


class _ReplyBuilder:
    """Builds a reply from the events of a stream."""

    def __init__(self, on_text: OnText | None) -> None:
        self._on_text = on_text
        self._texts: list[str] = []
        self._calls: dict[int, tuple[str, str, list[str]]] = {}
        self._blocks: dict[int, dict[str, Any]] = {}  # thinking as it came, and the text between, by index
        self._usage = Usage()
        self._stop = ""
        self._complete = False

    def add(self, event: RawMessageStreamEvent) -> None:
        match event.type:
            case "message_start":
                self._count(event.message.usage)
            case "content_block_start" if event.content_block.type == "tool_use":
                self._calls[event.index] = (event.content_block.id, event.content_block.name, [])
                self._tell(f"\n{event.content_block.name} ")
            case "content_block_start" if event.content_block.type == "thinking":
                self._blocks[event.index] = {"type": "thinking", "thinking": "", "signature": ""}
            case "content_block_start" if event.content_block.type == "redacted_thinking":
                self._blocks[event.index] = {"type": "redacted_thinking", "data": event.content_block.data}
            case "content_block_start" if event.content_block.type == "text":
                self._blocks[event.index] = {"type": "text", "text": ""}
            case "content_block_delta" if event.delta.type == "thinking_delta":
                self._blocks[event.index]["thinking"] += event.delta.thinking
            case "content_block_delta" if event.delta.type == "signature_delta":
                self._blocks[event.index]["signature"] += event.delta.signature
            case "content_block_delta" if event.delta.type == "text_delta":
                self._texts.append(event.delta.text)
                self._blocks.setdefault(event.index, {"type": "text", "text": ""})["text"] += event.delta.text
                self._tell(event.delta.text)
            case "content_block_delta" if event.delta.type == "input_json_delta":
                self._calls[event.index][2].append(event.delta.partial_json)
                self._tell(event.delta.partial_json)
            case "message_delta":
                self._stop = event.delta.stop_reason or ""
                self._count(event.usage)
            case "message_stop":
                self._complete = True
            case _:
                pass  # blocks that we never request, and later additions to the API

    def _tell(self, text: str) -> None:
        if self._on_text:
            self._on_text(text)

    def build(self, request: Request) -> Reply:
        """The reply; raises `RetryableError` if the stream ended early, or with no choice where one was asked for."""
        if not self._complete:
            raise self.broken_off("the stream ended before the reply was complete")
        finish = _FINISH.get(self._stop, "stop")
        text = "".join(self._texts)
        if request.choices and finish == "stop":
            try:
                text = msgspec.json.decode(text)["choice"]
            except (ValueError, KeyError, TypeError) as error:
                raise self.broken_off(f"the reply is no choice ({error})") from error
        calls = self._read_calls(cut=finish == "length")
        return Reply(text, finish, self._usage, calls=calls, blocks=self._kept(calls))

    def _kept(self, calls: Sequence[ToolCall]) -> list[dict[str, Any]]:
        """All blocks in their order, where there is thinking in a reply with calls: it goes back with their results.

        https://platform.claude.com/docs/en/build-with-claude/extended-thinking, "Preserving thinking blocks", November
        2026: the blocks are signed, and the last assistant turn goes back as it came.
        """
        if not calls or not any("thinking" in block["type"] for block in self._blocks.values()):
            return []
        places = {identity: index for index, (identity, _, _) in self._calls.items()}
        used = {
            places[call.id]: {"type": "tool_use", "id": call.id, "name": call.name, "input": call.arguments}
            for call in calls
        }
        blocks = {**self._blocks, **used}
        return [blocks[index] for index in sorted(blocks)]

    def broken_off(self, message: str) -> RetryableError:
        """The error for a stream that gave no reply: it was billed as soon as it began."""
        if self._usage == Usage():
            return RetryableError(message)
        return UnusableReply(message, "".join(self._texts).encode(errors="replace"), self._usage)

    def _read_calls(self, *, cut: bool) -> list[ToolCall]:
        calls = []
        for identity, name, parts in self._calls.values():
            try:
                arguments = json.loads("".join(parts) or "{}")
            except json.JSONDecodeError as error:
                if cut:  # max_tokens ended the reply within this call; `finish` says so
                    continue
                # the agent reads the error, and calls again
                calls.append(ToolCall(identity, name, {}, invalid=f"the arguments are not JSON ({error})"))
                continue
            calls.append(ToolCall(identity, name, arguments))
        return calls

    def _count(self, usage: Any) -> None:
        # message_delta is cumulative; fields that it leaves out keep the values of message_start.
        known = self._usage
        self._usage = Usage(
            input=_first(usage.input_tokens, known.input),
            output=_first(usage.output_tokens, known.output),
            cache_read=_first(usage.cache_read_input_tokens, known.cache_read),
            cache_write=_first(usage.cache_creation_input_tokens, known.cache_write),
        )


def _first(new: int | None, known: int) -> int:
    return known if new is None else new


def _status_error(error: Any) -> RetryableError | PermanentError:
    status = error.status_code
    if status == 200:  # an `error` event within the stream, after the status line
        status = _KINDS.get(error.type or "", 500)
    return classify(status, error.api_message or str(error), key=f"${KEY}", after_s=retry_after(error.response.headers))
