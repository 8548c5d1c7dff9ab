"""OpenAI's Responses API as the fake of its server speaks it.

Its rules, with the page that has each: names and values of parameters, developers.openai.com/api/reference/resources/
responses (2026); reasoning items go back with the calls that followed them, cookbook.openai.com/examples/responses_api/
reasoning_items (2025-05-11) and github.com/coder/mux, pull request 59 (2025-10-06, the error's text); levels of effort,
developers.openai.com/api/docs/guides/reasoning (2026) and docs.venice.ai/models/gpt-5-5 (2026). That a result has a
call and the reverse is from the facts of November 2026. Streams: developers.openai.com/docs/guides/streaming-responses
(2026): events have a `type`, the last one holds the whole response, and `[DONE]` does not follow.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tests.fakes.serving import Answer, Asked

if TYPE_CHECKING:
    from tests.fakes.openai_server import Plan

EFFORTS = ("none", "low", "medium", "high", "xhigh")
PIECE = 7
KNOWN = {
    "model", "input", "instructions", "tools", "tool_choice", "max_output_tokens", "store", "include", "reasoning",
    "text", "parallel_tool_calls", "stream",
}  # fmt: skip


def answer(asked: Asked, plan: Plan) -> Answer:
    """The answer to a request that is well-formed; a refusal of one that is not."""
    if fault := malformed(asked.body):
        return _error(400, fault)
    if plan.status != 200:
        return Answer(plan.status, {"content-type": "application/json", **plan.headers}, [plan.body.encode()])
    output: list[dict[str, Any]] = []
    if plan.reasoning:
        sealed = f"sealed:{plan.reasoning}"
        output.append({"type": "reasoning", "id": f"rs_{asked.n}", "summary": [], "encrypted_content": sealed})
    if plan.text:
        content = [{"type": "output_text", "text": plan.text, "annotations": []}]
        output.append({"type": "message", "id": f"msg_{asked.n}", "role": "assistant", "status": "completed",
                       "content": content})  # fmt: skip
    for place, use in enumerate(plan.calls):
        call = f"call_{asked.n}_{place}" + ("_reasoned" if plan.reasoning else "")
        output.append({"type": "function_call", "id": f"fc_{asked.n}_{place}", "call_id": call, "name": use.name,
                       "arguments": use.arguments, "status": "completed"})  # fmt: skip
    prompt = len(json.dumps(asked.body["input"]))
    spent = len(plan.text or "") + len(plan.reasoning) + sum(len(use.arguments) for use in plan.calls)
    whole: dict[str, Any] = {
        "id": f"resp_{asked.n}", "object": "response", "model": asked.body["model"], "output": output, "error": None,
        "status": "incomplete" if plan.finish == "length" else "completed",
        "incomplete_details": {"reason": "max_output_tokens"} if plan.finish == "length" else None,
        "usage": {
            "input_tokens": prompt, "input_tokens_details": {"cached_tokens": prompt // 2}, "output_tokens": spent,
            "output_tokens_details": {"reasoning_tokens": len(plan.reasoning)}, "total_tokens": prompt + spent,
        },
    }  # fmt: skip
    if asked.body.get("stream"):
        return _streamed(whole, plan)
    return Answer(200, {"content-type": "application/json"}, [json.dumps(whole).encode()])


def _streamed(whole: Mapping[str, Any], plan: Plan) -> Answer:
    begun = {**whole, "status": "in_progress", "output": [], "usage": None}
    told: list[dict[str, Any]] = [
        {"type": f"response.{kind}", "response": begun} for kind in ("created", "in_progress")
    ]
    for index, item in enumerate(whole["output"]):
        place = {"output_index": index, "item_id": item["id"]}
        empty = {**item, **{name: "" for name in ("arguments", "encrypted_content") if name in item}}
        told.append({"type": "response.output_item.added", "output_index": index, "item": empty | {"content": []}})
        for part in item.get("content", ()):
            told += [{"type": "response.output_text.delta", **place, "delta": one} for one in _parts(part["text"])]
        kind = "response.function_call_arguments.delta"
        told += [{"type": kind, **place, "delta": one} for one in _parts(item.get("arguments", ""))]
        told.append({"type": "response.output_item.done", "output_index": index, "item": item})
    told.append({"type": f"response.{whole['status']}", "response": whole})
    events = [
        f"event: {one['type']}\ndata: {json.dumps({**one, 'sequence_number': number})}\n\n".encode()
        for number, one in enumerate(told)
    ]
    pieces = events if plan.cut_at is None else [b"".join(events)[: plan.cut_at]]
    end = "whole" if plan.cut_at is None else plan.end
    return Answer(200, {"content-type": "text/event-stream"}, pieces, streamed=True, end=end, pause_s=plan.pause_s)


def _parts(text: str) -> list[str]:
    return [text[at : at + PIECE] for at in range(0, len(text), PIECE)]


def malformed(body: Mapping[str, Any]) -> str:
    """Why the original would answer 400, or nothing."""
    if unknown := sorted(body.keys() - KNOWN):
        return f"Unknown parameter: '{unknown[0]}'."
    if any("name" not in tool for tool in body.get("tools", [])):
        return "Missing required parameter: 'tools[0].name'."
    if body.get("max_output_tokens", 16) < 16:
        return "Invalid 'max_output_tokens': integer below minimum value."
    effort = (body.get("reasoning") or {}).get("effort", "medium")
    if effort not in EFFORTS:
        return f"Invalid value: '{effort}'. Supported values are: {', '.join(EFFORTS)}."
    return _items(body["input"], stored=body.get("store", True))


def _items(items: Sequence[Mapping[str, Any]], *, stored: bool) -> str:
    calls = {item["call_id"] for item in items if item.get("type") == "function_call"}
    answered = {item["call_id"] for item in items if item.get("type") == "function_call_output"}
    if lost := answered - calls:
        return f"No tool call found for function call output with call_id {min(lost)}."
    if lost := calls - answered:
        return f"No tool output found for function call {min(lost)}."
    reasoned = False
    for item in items:
        kind = item.get("type")
        if kind == "reasoning":
            reasoned = True
            if not stored and not str(item.get("encrypted_content", "")).startswith("sealed:"):
                return f"Item with id '{item.get('id')}' not found. Items are not persisted when `store` is false."
        elif kind == "function_call" and item["call_id"].endswith("_reasoned") and not reasoned:
            return (
                f"Item '{item.get('id')}' of type 'function_call' was provided without its required 'reasoning' item."
            )
        elif kind == "function_call_output":
            reasoned = False
    return ""


def _error(status: int, message: str) -> Answer:
    error = {"error": {"message": message, "type": "invalid_request_error", "code": None}}
    return Answer(status, {"content-type": "application/json"}, [json.dumps(error).encode()])
