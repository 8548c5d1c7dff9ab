"""OpenAI's chat completions become calls of `ctx.model.chat`, and its replies what the SDK documents."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from engine.evaluation.model_broker import Chat
from engine.sandbox.inside.gateway import chat_completions as form
from engine.sandbox.inside.gateway.asked import MOST_TOKENS, Asked, Unfit
from tests.unit.sandbox.gateway.replies import CALLED, SAID, SAMPLED, events

HISTORY = [
    {"role": "developer", "content": "be brief"},
    {"role": "user", "content": [{"type": "text", "text": "what is "}, {"type": "text", "text": "the weather?"}]},
    {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"at": "Rome"}'}}
        ],
    },
    {"role": "tool", "tool_call_id": "c1", "content": "rain"},
]
WEATHER = {
    "type": "function",
    "function": {"name": "weather", "description": "of a place", "parameters": {"type": "object"}, "strict": True},
}

BROKEN = {"id": "c", "function": {"name": "f", "arguments": "["}}


def read(**body: Any) -> Asked:
    return form.read(json.dumps({"model": "m", "messages": [{"role": "user", "content": "hello"}], **body}).encode())


def test_a_conversation_with_tools_becomes_turns() -> None:
    asked = read(messages=HISTORY, tools=[WEATHER], tool_choice={"type": "function", "function": {"name": "weather"}})
    assert asked.chat["messages"] == [
        {"role": "system", "text": "be brief"},
        {"role": "user", "text": "what is the weather?"},
        {"role": "assistant", "text": "", "calls": [{"id": "c1", "name": "weather", "arguments": {"at": "Rome"}}]},
        {"role": "tool", "text": "rain", "answers": "c1"},
    ]
    assert asked.chat["tools"] == [{"name": "weather", "description": "of a place", "parameters": {"type": "object"}}]
    assert asked.chat["tool_choice"] == "weather"
    msgspec.convert(asked.chat, Chat)


def test_what_is_not_set_gets_the_vendors_defaults_and_a_long_reply_the_longest() -> None:
    chat = read().chat
    assert (chat["temperature"], chat["top_p"], chat["max_tokens"]) == (1.0, 1.0, 4096)
    assert read(max_tokens=5).chat["max_tokens"] == read(max_completion_tokens=5, max_tokens=9).chat["max_tokens"] == 5
    assert read(max_tokens=10**6).chat["max_tokens"] == MOST_TOKENS


def test_choices_of_tools_and_formats_are_passed_on() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    described = {"type": "json_schema", "json_schema": {"name": "n", "schema": schema, "strict": True}}
    assert read(response_format=described).chat["schema"] == schema
    assert "schema" not in read(response_format={"type": "json_object"}).chat
    assert read(tools=[WEATHER], tool_choice="required").chat["tool_choice"] == "any"
    assert "tool_choice" not in read(tools=[WEATHER], tool_choice="auto").chat
    assert "tools" not in read(tools=[WEATHER], tool_choice="none").chat
    assert read(stop="end").chat["stop"] == ["end"]


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ({"messages": []}, "no messages"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]}, "image_url"),
        ({"tools": [{"type": "custom", "custom": {"name": "n"}}]}, "custom"),
        ({"n": 0}, None),
        ({"n": 17}, "n lies"),
        ({"frequency_penalty": 1}, "frequency_penalty"),
        ({"logit_bias": {"5": 1}}, "logit_bias"),
        ({"functions": [{"name": "f"}]}, "functions"),
        ({"response_format": {"type": "grammar"}}, "grammar"),
        ({"messages": [{"role": "assistant", "tool_calls": [BROKEN]}]}, "call c are no JSON"),
    ],
)
def test_what_would_change_the_reply_and_cannot_be_passed_on_is_refused(body: Any, word: str | None) -> None:
    if word is None:
        assert read(**body).count == 1
        return
    with pytest.raises(Unfit, match=word):
        read(**body)


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"messages": 3}', b'{"messages": [{"role": "robot", "content": ""}]}', b"[" * 9999]
)
def test_a_body_of_another_shape_is_an_error_of_decoding(body: bytes) -> None:
    with pytest.raises((msgspec.MsgspecError, RecursionError)):
        form.read(body)


def test_a_reply_is_a_completion() -> None:
    answer = json.loads(form.whole([CALLED], read(), 4))
    assert answer["id"] == "chatcmpl-4"
    assert (answer["object"], answer["model"]) == ("chat.completion", "m")
    (choice,) = answer["choices"]
    assert choice["finish_reason"] == "tool_calls"
    function = {"name": "weather", "arguments": '{"at": "Zürich"}'}
    assert choice["message"] == {
        "role": "assistant",
        "content": None,
        "refusal": None,
        "tool_calls": [{"id": "c9", "type": "function", "function": function}],
    }
    assert answer["usage"] == {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9}


def test_several_choices_are_as_many_calls() -> None:
    asked = read(n=2)
    assert asked.count == 2
    answer = json.loads(form.whole([SAID, SAID], asked, 1))
    assert [choice["index"] for choice in answer["choices"]] == [0, 1]
    assert answer["usage"] == {"prompt_tokens": 7, "completion_tokens": 84, "total_tokens": 91}


def test_a_stream_adds_up_to_the_completion() -> None:
    asked = read(stream=True, stream_options={"include_usage": True})
    sent = events(form.streamed([SAID], asked, 1))
    assert sent[-1] == ("", "[DONE]")
    chunks = [json.loads(data) for _, data in sent[:-1]]
    assert all(chunk["object"] == "chat.completion.chunk" for chunk in chunks)
    deltas = [choice["delta"] for chunk in chunks for choice in chunk["choices"]]
    assert deltas[0]["role"] == "assistant"
    assert len(deltas) > 3
    assert "".join(delta.get("content", "") for delta in deltas) == SAID["text"]
    assert chunks[-2]["choices"][0]["finish_reason"] == "stop"
    assert chunks[-1]["choices"] == []
    assert chunks[-1]["usage"]["completion_tokens"] == 42


def test_a_streamed_call_has_an_index() -> None:
    chunks = [json.loads(data) for _, data in events(form.streamed([CALLED], read(stream=True), 1))[:-1]]
    (call,) = [made for chunk in chunks for made in chunk["choices"][0]["delta"].get("tool_calls", ())]
    assert (call["index"], call["function"]["name"]) == (0, "weather")
    assert "usage" not in chunks[-1]


def test_log_probabilities_and_token_ids_come_where_the_backend_has_them() -> None:
    asked = read(logprobs=True, return_token_ids=True)
    answer = json.loads(form.whole([SAMPLED], asked, 1))
    (choice,) = answer["choices"]
    assert [token["logprob"] for token in choice["logprobs"]["content"]] == [-0.5, -1.25]
    assert choice["token_ids"] == [11, 12]
    assert answer["prompt_token_ids"] == [1, 2, 3]
    without = json.loads(form.whole([SAID], asked, 1))["choices"][0]
    assert without["logprobs"] is None and without["token_ids"] is None
