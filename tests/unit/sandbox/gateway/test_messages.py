"""Anthropic's messages become calls of `ctx.model.chat`, and its replies what the SDK's types hold."""

from __future__ import annotations

import json
from typing import Any

import anthropic.types
import msgspec
import pytest

from engine.evaluation.model_broker import Chat
from engine.sandbox.inside.gateway import messages as form
from engine.sandbox.inside.gateway.asked import Asked, Unfit
from tests.unit.sandbox.gateway.replies import CALLED, SAID, events

HISTORY = [
    {"role": "user", "content": "what is the weather?"},
    {
        "role": "assistant",
        "content": [
            {"type": "thinking", "thinking": "hm", "signature": "s"},
            {"type": "text", "text": "I look."},
            {"type": "tool_use", "id": "c1", "name": "weather", "input": {"at": "Rome"}},
        ],
    },
    {
        "role": "user",
        "content": [
            {"type": "tool_result", "tool_use_id": "c1", "content": [{"type": "text", "text": "no"}], "is_error": True},
            {"type": "text", "text": "go on", "cache_control": {"type": "ephemeral"}},
        ],
    },
]
WEATHER = {"name": "weather", "description": "of a place", "input_schema": {"type": "object"}}

CALL = {"id": "c1", "name": "weather", "arguments": {"at": "Rome"}}


def read(**body: Any) -> Asked:
    whole = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hello"}], **body}
    return form.read(json.dumps(whole).encode())


def test_a_conversation_with_tools_becomes_turns() -> None:
    system = [{"type": "text", "text": "be brief"}]
    chosen = {"type": "tool", "name": "weather"}
    asked = read(system=system, messages=HISTORY, tools=[WEATHER], tool_choice=chosen, stop_sequences=["end"])
    assert asked.chat["messages"] == [
        {"role": "system", "text": "be brief"},
        {"role": "user", "text": "what is the weather?"},
        {"role": "assistant", "text": "I look.", "calls": [CALL]},
        {"role": "tool", "text": "no", "answers": "c1", "failed": True},
        {"role": "user", "text": "go on"},
    ]
    assert asked.chat["tools"] == [{"name": "weather", "description": "of a place", "parameters": {"type": "object"}}]
    assert (asked.chat["tool_choice"], asked.chat["stop"], asked.chat["max_tokens"]) == ("weather", ["end"], 9)
    msgspec.convert(asked.chat, Chat)


def test_choices_of_tools_and_formats_are_passed_on() -> None:
    assert read(tools=[WEATHER], tool_choice={"type": "any"}).chat["tool_choice"] == "any"
    assert "tools" not in read(tools=[WEATHER], tool_choice={"type": "none"}).chat
    described = {"type": "json_schema", "schema": {"type": "object"}}
    assert read(output_config={"format": described}).chat["schema"] == {"type": "object"}
    assert read(output_format=described).chat["schema"] == {"type": "object"}


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ({"messages": [{"role": "user", "content": [{"type": "image", "source": {}}]}]}, "image"),
        ({"tools": [{"type": "web_search_20260209", "name": "web_search"}]}, "web_search"),
        ({"messages": []}, "no messages"),
    ],
)
def test_what_would_change_the_reply_and_cannot_be_passed_on_is_refused(body: Any, word: str) -> None:
    with pytest.raises(Unfit, match=word):
        read(**body)


@pytest.mark.parametrize("reply", [SAID, CALLED])
def test_a_reply_is_a_message_and_its_stream_adds_up_to_it(reply: dict[str, Any]) -> None:
    whole = anthropic.types.Message.model_validate_json(form.whole([reply], read(), 3))
    assert whole.stop_reason == ("tool_use" if reply["calls"] else "end_turn")
    assert (whole.usage.input_tokens, whole.usage.output_tokens) == (7, reply["usage"]["output"])
    texts, inputs = "", ""
    kinds = []
    for name, data in events(form.streamed([reply], read(stream=True), 3)):
        event = json.loads(data)
        assert event["type"] == name
        kinds.append(name)
        delta = event.get("delta", {})
        texts += delta.get("text", "")
        inputs += delta.get("partial_json", "")
    assert [kinds[0], *kinds[-2:]] == ["message_start", "message_delta", "message_stop"]
    if reply["calls"]:
        (block,) = whole.content
        assert block.type == "tool_use" and block.input == json.loads(inputs) == {"at": "Zürich"}
    else:
        (block,) = whole.content
        assert block.type == "text" and block.text == texts == reply["text"]


def test_a_reply_that_was_cut_or_refused_says_so() -> None:
    for finish, stop in (("length", "max_tokens"), ("refused", "refusal")):
        assert json.loads(form.whole([{**SAID, "finish": finish}], read(), 1))["stop_reason"] == stop
