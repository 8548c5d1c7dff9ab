"""OpenAI's responses become calls of `ctx.model.chat`, and go on from one another."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from engine.evaluation.model_broker import Chat
from engine.sandbox.inside.gateway import responses as form
from engine.sandbox.inside.gateway.asked import Asked, Unfit
from tests.unit.sandbox.gateway.replies import CALLED, SAID, events

HISTORY = [
    {"role": "user", "content": [{"type": "input_text", "text": "what is the weather?"}]},
    {"type": "reasoning", "id": "rs_1", "summary": []},
    {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "I look."}]},
    {"type": "function_call", "call_id": "c1", "name": "weather", "arguments": '{"at": "Rome"}'},
    {"type": "function_call", "call_id": "c2", "name": "weather", "arguments": "{}"},
    {"type": "function_call_output", "call_id": "c1", "output": "rain"},
    {"type": "function_call_output", "call_id": "c2", "output": [{"type": "input_text", "text": "sun"}]},
]
TURNS = [
    {"role": "user", "text": "what is the weather?"},
    {
        "role": "assistant",
        "text": "I look.",
        "calls": [
            {"id": "c1", "name": "weather", "arguments": {"at": "Rome"}},
            {"id": "c2", "name": "weather", "arguments": {}},
        ],
    },
    {"role": "tool", "text": "rain", "answers": "c1"},
    {"role": "tool", "text": "sun", "answers": "c2"},
]
WEATHER = {"type": "function", "name": "weather", "description": "of a place", "parameters": {"type": "object"}}


def read(kept: form.Kept | None = None, **body: Any) -> Asked:
    return form.read(json.dumps({"model": "m", "input": "hello", **body}).encode(), {} if kept is None else kept)


def test_items_become_turns() -> None:
    schema = {"type": "object"}
    asked = read(
        input=HISTORY,
        instructions="be brief",
        tools=[WEATHER],
        tool_choice={"type": "function", "name": "weather"},
        text={"format": {"type": "json_schema", "name": "n", "schema": schema}},
        max_output_tokens=9,
    )
    assert asked.chat["messages"] == [{"role": "system", "text": "be brief"}, *TURNS]
    assert (asked.chat["tool_choice"], asked.chat["schema"], asked.chat["max_tokens"]) == ("weather", schema, 9)
    msgspec.convert(asked.chat, Chat)


def test_a_request_goes_on_from_an_earlier_response_without_its_instructions() -> None:
    kept: form.Kept = {}
    first = read(kept, instructions="be brief")
    form.keep(kept, first, CALLED, 1)
    output = [{"type": "function_call_output", "call_id": "c9", "output": "rain"}]
    again = read(kept, previous_response_id="resp_1", input=output, instructions="be long")
    assert again.chat["messages"] == [
        {"role": "system", "text": "be long"},
        {"role": "user", "text": "hello"},
        {"role": "assistant", "text": "", "calls": CALLED["calls"]},
        {"role": "tool", "text": "rain", "answers": "c9"},
    ]
    with pytest.raises(Unfit, match="resp_2"):
        read(kept, previous_response_id="resp_2")


def test_a_system_message_in_the_input_carries_over() -> None:
    kept: form.Kept = {}
    form.keep(kept, read(kept, input=[{"role": "system", "content": "be brief"}]), SAID, 1)
    assert read(kept, previous_response_id="resp_1").chat["messages"][0] == {"role": "system", "text": "be brief"}


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ({"input": []}, "no messages"),
        ({"input": [{"role": "user", "content": [{"type": "input_image", "image_url": "x"}]}]}, "input_image"),
        ({"input": [{"type": "item_reference", "id": "x"}]}, "item_reference"),
        ({"tools": [{"type": "web_search"}]}, "web_search"),
        ({"background": True}, "background"),
    ],
)
def test_what_would_change_the_reply_and_cannot_be_passed_on_is_refused(body: Any, word: str) -> None:
    with pytest.raises(Unfit, match=word):
        read(**body)


@pytest.mark.parametrize("reply", [SAID, CALLED])
def test_a_stream_ends_with_the_response(reply: dict[str, Any]) -> None:
    asked = read(stream=True)
    whole = json.loads(form.whole([reply], asked, 1))
    sent = [(name, json.loads(data)) for name, data in events(form.streamed([reply], asked, 1))]
    assert [event["sequence_number"] for _, event in sent] == list(range(len(sent)))
    assert all(event["type"] == name for name, event in sent)
    assert sent[0][0] == "response.created"
    name, last = sent[-1]
    assert name == "response.completed"
    assert last["response"]["output"] == whole["output"]
    (item,) = whole["output"]
    said = "".join(event["delta"] for name, event in sent if name.endswith(".delta"))
    assert said == (item["arguments"] if reply["calls"] else item["content"][0]["text"])


def test_a_reply_that_was_cut_is_incomplete() -> None:
    answer = json.loads(form.whole([{**SAID, "finish": "length"}], read(), 1))
    assert (answer["status"], answer["incomplete_details"]) == ("incomplete", {"reason": "max_output_tokens"})
    assert events(form.streamed([{**SAID, "finish": "length"}], read(), 1))[-1][0] == "response.incomplete"
