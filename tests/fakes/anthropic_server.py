"""A fake of Anthropic's Messages API that speaks its wire protocol; what it says comes from a script of the test.

    def script(asked: Asked) -> Plan: ...      with AnthropicServer(script) as server: ... server.url, server.records

As a process: `python -m tests.fakes.anthropic_server --port-file F --script file.py:function [--record-file R]`.
Like the original it wants a key, refuses what is malformed, counts tokens, and caches what `cache_control` marks.

Its rules, with the page that has each (as stored there between September and November 2026; P is
platform.claude.com/docs/en):

- Sonnet 5.5 and Opus 5.5 refuse forced tool choice, sampling, thinking budgets, prefill and thinking that is disabled:
  P/models/sonnet-5-5/migration-guide, P/models/opus-5-5/migration-guide. Of Sonnet 5, Opus 5, Fable 5 and Haiku 5.5 the
  facts of November 2026 say so of forced choice.
- API version 2026-10-21 refuses `temperature`, `top_p`, `top_k`: codersera.com/blog/anthropic-api-2026-10-21-sdk-
  migration-guide-2026; github.com/ttlequals0/MinusPod, release 2.101.10 (2026-10-31).
- Events of a stream, their order, cumulative usage, and errors in mid-stream: P/build-with-claude/streaming.
- Levels of effort: P/build-with-claude/effort.
- Thinking goes back unchanged with calls: P/build-with-claude/extended-thinking, "Preserving thinking blocks".
- A prompt beyond the window is refused: P/build-with-claude/context-windows.
- A text of blanks is refused; temperature or top_p, not both; results of tools come first: facts of November 2026.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from tests.fakes.serving import Answer, Asked, End, Record, Server, serve

KEY = "sk-ant-a-key-for-tests"
KINDS = {
    400: "invalid_request_error", 401: "authentication_error", 402: "billing_error", 403: "permission_error",
    404: "not_found_error", 408: "timeout_error", 409: "conflict_error", 413: "request_too_large",
    429: "rate_limit_error", 500: "api_error", 504: "timeout_error", 529: "overloaded_error",
}  # fmt: skip
UNFORCED = ("claude-sonnet-5", "claude-opus-5", "claude-fable-5", "claude-haiku-5")
"""Models that refuse to be made to call a tool, as of November 2026."""
EFFORTS = ("low", "medium", "high", "xhigh", "max")
THOUGHT = "thought_"
"""In the id of a call that followed thinking."""
PIECE = 7
"""Letters in one text or JSON delta: small enough to cut words, keys and numbers in two."""


class Use(NamedTuple):
    """A call of a tool that the fake asks for."""

    name: str
    input: Mapping[str, Any]
    id: str = ""


class Think(NamedTuple):
    """What the fake thinks, before a call: it comes signed, and has to come back as it was."""

    text: str


class Plan(NamedTuple):
    """What the fake says: text and calls in order, or an error where `status` is none of success.

    `error_after` sends an `error` event of that status in mid-stream; `cut_at` ends the body after that many bytes,
    breaking the connection or, with `end="early"`, in good order; `pause_s` passes before each event.
    """

    blocks: Sequence[str | Use | Think] = ("",)
    stop: str = ""
    status: int = 200
    message: str = "this is a fake"
    headers: Mapping[str, str] = {}
    error_after: int | None = None
    cut_at: int | None = None
    end: End = "broken"
    pause_s: float = 0.0


Script = Callable[[Asked], Plan]


class AnthropicServer(Server):
    """The fake in a thread of this process."""

    def __init__(
        self,
        script: Script,
        note: Callable[[Record], None] | None = None,
        *,
        key: str = KEY,
        window: int = 1 << 30,
    ) -> None:
        cached: set[str] = set()
        lock = threading.Lock()

        def answer(asked: Asked) -> Answer:
            if key not in (
                asked.headers.get("x-api-key"),
                asked.headers.get("authorization", "").removeprefix("Bearer "),
            ):
                return _refusal(Plan(status=401, message="invalid x-api-key"))
            if asked.path.partition("?")[0] != "/v1/messages":
                return _refusal(Plan(status=404, message=f"no route {asked.path}"))
            if fault := malformed(asked.body, asked.headers.get("anthropic-version", "")):
                return _refusal(Plan(status=400, message=fault))
            if (size := sum(map(tokens, _blocks(asked.body)))) > window:
                return _refusal(Plan(status=400, message=f"prompt is too long: {size} tokens > {window} maximum"))
            plan = script(asked)
            if plan.status != 200:
                return _refusal(plan)
            with lock:
                usage = input_usage(asked.body, cached)
            return _reply(asked, plan, usage)

        super().__init__(answer, note)


def tokens(value: Any) -> int:
    """How many tokens the fake counts in a text or a piece of a request."""
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True)
    return -(-len(text) // 4)


def input_usage(body: Mapping[str, Any], cached: set[str]) -> dict[str, int]:
    """Input tokens of a request, apart for what was read from and written to the cache, which it updates."""
    blocks = _blocks(body)
    marks = [i + 1 for i, block in enumerate(blocks) if "cache_control" in block]
    plain = [{k: v for k, v in block.items() if k != "cache_control"} for block in blocks]
    sizes = [tokens(block) for block in plain]
    written = max(marks, default=0)
    # From a mark the original looks back for the longest beginning that an earlier request has marked.
    keys = [hashlib.sha256(json.dumps(plain[:end], sort_keys=True).encode()).hexdigest() for end in range(written + 1)]
    read = max((end for end in range(1, written + 1) if keys[end] in cached), default=0)
    cached.update(keys[mark] for mark in marks)
    return {
        "input_tokens": sum(sizes[written:]),
        "cache_creation_input_tokens": sum(sizes[read:written]),
        "cache_read_input_tokens": sum(sizes[:read]),
    }


def malformed(body: Mapping[str, Any], version: str) -> str:
    """Why the original would answer 400, or nothing."""
    messages = body.get("messages") or []
    if missing := [name for name in ("model", "max_tokens", "messages") if not body.get(name)]:
        return f"{missing[0]}: Field required"
    if not version:
        return "anthropic-version: header is required"
    sampling = [name for name in ("temperature", "top_p", "top_k") if name in body]
    if sampling and version >= "2026-10-21":
        return f"{sampling[0]}: Extra inputs are not permitted"
    if "temperature" in body and "top_p" in body:
        return "`temperature` and `top_p` cannot both be specified for this model. Please use only one."
    if messages[0]["role"] != "user":
        return 'messages: first message must use the "user" role'
    if sum("cache_control" in block for block in _blocks(body)) > 4:
        return "A maximum of 4 blocks with cache_control may be provided."
    if any(block.get("type") == "text" and not block["text"].strip() for block in _blocks(body)):
        return "messages: text content blocks must contain non-whitespace text"
    effort = (body.get("output_config") or {}).get("effort", "high")
    if effort not in EFFORTS:
        return f"output_config.effort: Input should be 'low', 'medium', 'high', 'xhigh' or 'max', not '{effort}'"
    thinking = (body.get("thinking") or {}).get("type", "adaptive")
    if body["model"].startswith(UNFORCED) and thinking not in ("adaptive", "between_tools"):
        return f'"thinking.type.{thinking}" is not supported for this model.'
    if body["model"].startswith(UNFORCED) and (sampling or messages[-1]["role"] == "assistant"):
        return f"{(sampling or ['prefill'])[0]}: not supported by {body['model']}"
    forced = (body.get("tool_choice") or {}).get("type") in ("any", "tool")
    if forced and body["model"].startswith(UNFORCED):
        return f"tool_choice: forced tool use is not supported by {body['model']}"
    if lost := _without_thinking(messages):
        return lost
    for i, message in enumerate(messages):
        uses = {b["id"] for b in _content(message) if b["type"] == "tool_use"}
        after = _content(messages[i + 1]) if i + 1 < len(messages) else []
        if lost := uses - {b["tool_use_id"] for b in after if b["type"] == "tool_result"}:
            return f"messages.{i}: `tool_use` ids were found without `tool_result` blocks: {', '.join(sorted(lost))}"
    return ""


def _without_thinking(messages: Sequence[Mapping[str, Any]]) -> str:
    """Thinking goes back unchanged with the calls that followed it: platform.claude.com/docs/en/build-with-claude/
    extended-thinking, "Preserving thinking blocks", November 2026. The fake marks such calls by their id."""
    for i, message in enumerate(messages):
        blocks = _content(message)
        thought = [block for block in blocks if block["type"] == "thinking"]
        if any(block["type"] == "tool_use" and THOUGHT in block["id"] for block in blocks) and not thought:
            found = blocks[0]["type"]
            return f"messages.{i}.content.0.type: Expected `thinking` or `redacted_thinking`, but found `{found}`"
        if any(block["signature"] != _signature(block["thinking"]) for block in thought):
            return f"messages.{i}.content.0: Invalid `signature` in `thinking` block"
    return ""


def _signature(thought: str) -> str:
    return hashlib.sha256(thought.encode()).hexdigest()


def _content(message: Mapping[str, Any]) -> list[dict[str, Any]]:
    content = message["content"]
    return [{"type": "text", "text": content}] if isinstance(content, str) else list(content)


def _blocks(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    # Tools come first in what is cached, then the system prompt, then the turns.
    system = body.get("system") or []
    system = [{"type": "text", "text": system}] if isinstance(system, str) else system
    turns = [
        {**block, "role": message["role"]} for message in body.get("messages") or [] for block in _content(message)
    ]
    return [*body.get("tools", []), *system, *turns]


def _refusal(plan: Plan) -> Answer:
    return Answer(
        plan.status, {"content-type": "application/json", **plan.headers}, [_error(plan.status, plan.message)]
    )


def _error(status: int, message: str) -> bytes:
    error = {"type": KINDS.get(status, "api_error"), "message": message}
    return json.dumps({"type": "error", "error": error, "request_id": "req_fake"}).encode()


def _reply(asked: Asked, plan: Plan, usage: Mapping[str, int]) -> Answer:
    events = list(_events(asked, plan, usage))
    if plan.error_after is not None:
        status, message = plan.error_after, plan.message
        events = [*events[: len(events) // 2], b"event: error\ndata: %s\n\n" % _error(status, message)]
    headers = {"content-type": "text/event-stream", "request-id": f"req_{asked.n}", **plan.headers}
    if plan.cut_at is None:
        return Answer(200, headers, events, streamed=True, pause_s=plan.pause_s)
    return Answer(200, headers, _cut(events, plan.cut_at), streamed=True, end=plan.end, pause_s=plan.pause_s)


def _cut(events: Sequence[bytes], at: int) -> list[bytes]:
    kept: list[bytes] = []
    for event in events:
        piece = event[: at - sum(map(len, kept))]
        if not piece:
            return kept
        kept.append(piece)
    raise AssertionError(f"the stream has no byte {at} to be cut at")


def _events(asked: Asked, plan: Plan, usage: Mapping[str, int]) -> Sequence[bytes]:
    output = sum(tokens(b.input if isinstance(b, Use) else b.text if isinstance(b, Think) else b) for b in plan.blocks)
    thinks = any(isinstance(b, Think) for b in plan.blocks)
    stop = plan.stop or ("tool_use" if any(isinstance(b, Use) for b in plan.blocks) else "end_turn")
    message = {
        "id": f"msg_{asked.n}", "type": "message", "role": "assistant", "model": asked.body["model"], "content": [],
        "stop_reason": None, "stop_sequence": None, "usage": {**usage, "output_tokens": 1},
    }  # fmt: skip
    sent = [_event("message_start", message=message)]
    for index, block in enumerate(plan.blocks):
        if isinstance(block, str):
            start: dict[str, Any] = {"type": "text", "text": ""}
            deltas = [{"type": "text_delta", "text": part} for part in _parts(block)]
        elif isinstance(block, Think):
            start = {"type": "thinking", "thinking": "", "signature": ""}
            deltas = [{"type": "thinking_delta", "thinking": part} for part in _parts(block.text)]
            deltas.append({"type": "signature_delta", "signature": _signature(block.text)})
        else:
            identity = block.id or f"toolu_{THOUGHT if thinks else ''}{asked.n}_{index}"
            start = {"type": "tool_use", "id": identity, "name": block.name, "input": {}}
            parts = ["", *_parts(json.dumps(block.input))]
            deltas = [{"type": "input_json_delta", "partial_json": part} for part in parts]
        sent.append(_event("content_block_start", index=index, content_block=start))
        if not index:
            sent.append(_event("ping"))
        sent += [_event("content_block_delta", index=index, delta=delta) for delta in deltas]
        sent.append(_event("content_block_stop", index=index))
    delta = {"stop_reason": stop, "stop_sequence": None}
    sent.append(_event("message_delta", delta=delta, usage={"output_tokens": output}))
    return [*sent, _event("message_stop")]


def _parts(text: str) -> list[str]:
    return [text[i : i + PIECE] for i in range(0, len(text), PIECE)]


def _event(kind: str, **content: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **content})}\n\n".encode()


if __name__ == "__main__":
    serve(AnthropicServer, "A fake of Anthropic's Messages API on loopback.")
