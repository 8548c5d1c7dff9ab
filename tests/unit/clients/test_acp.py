"""The Agent Client Protocol from our side: what is asked in which order, what is permitted, and how it ends."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.clients.acp import LOGGED_OUT, Talk
from engine.clients.lines.reading import Reading
from engine.usage import Usage

GOLDEN = (Path(__file__).parent / "lines" / "opencode.jsonl").read_bytes().splitlines()
"""What opencode 1.18.33 has sent to the four requests of one errand."""


def sent(data: bytes) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(data)
    assert data.endswith(b"\n") and data.count(b"\n") == 1
    return found


def heard(talk: Talk, reading: Reading, **message: Any) -> dict[str, Any] | None:
    answer = talk.hear(json.dumps({"jsonrpc": "2.0", **message}).encode(), reading)
    return sent(answer) if answer else None


def begun(model: str = "", session: dict[str, Any] | None = None) -> tuple[Talk, Reading, dict[str, Any] | None]:
    """A talk whose session is open, and what it then sends."""
    talk, reading = Talk("do it", "/desk", model), Reading()
    assert sent(talk.opening())["method"] == "initialize"
    assert (heard(talk, reading, id=1, result={}) or {})["params"] == {"cwd": "/desk", "mcpServers": []}
    return talk, reading, heard(talk, reading, id=2, result={"sessionId": "s", **(session or {})})


def test_opencode_is_understood_from_the_first_line_to_the_last() -> None:
    talk, reading = Talk("hello", "/run/sia/desk", ""), Reading()
    talk.opening()
    asked = [sent(answer)["method"] for line in GOLDEN if (answer := talk.hear(line, reading))]
    assert asked == ["session/new", "session/prompt"]
    assert (reading.turns, reading.text, reading.error, reading.closed) == (2, "done", "", True)
    assert reading.edited == ["/run/sia/desk/x.py"] and reading.usage == Usage(5146, 4, 5146) and reading.usd is None


def test_the_prompt_follows_the_session() -> None:
    _, _, asked = begun()
    assert asked and asked["method"] == "session/prompt"
    assert asked["params"] == {"sessionId": "s", "prompt": [{"type": "text", "text": "do it"}]}


@pytest.mark.parametrize(
    ("session", "method", "params"),
    [
        (
            {"configOptions": [{"id": "mode", "category": "mode"}, {"id": "m", "category": "model"}]},
            "session/set_config_option",
            {"sessionId": "s", "configId": "m", "value": "big"},
        ),
        ({"models": {"availableModels": []}}, "session/set_model", {"sessionId": "s", "modelId": "big"}),
    ],
)
def test_a_model_is_chosen_in_the_way_that_the_agent_offers(
    session: dict[str, Any], method: str, params: dict[str, Any]
) -> None:
    talk, reading, asked = begun("big", session)
    assert asked and (asked["method"], asked["params"]) == (method, params)
    assert (heard(talk, reading, id=3, result={}) or {})["method"] == "session/prompt"
    assert reading.model == "big"


def test_a_model_that_cannot_be_chosen_ends_the_talk_with_a_sentence() -> None:
    _, reading, asked = begun("big")
    assert asked is None and reading.closed and "no choice of a model" in reading.error


def test_what_it_asks_to_do_is_permitted_and_what_we_do_not_lend_is_refused() -> None:
    talk, reading, _ = begun()
    options = [{"optionId": "n", "kind": "reject_once"}, {"optionId": "y", "kind": "allow_once"}]
    asked = heard(talk, reading, id=7, method="session/request_permission", params={"options": options})
    assert asked == {"jsonrpc": "2.0", "id": 7, "result": {"outcome": {"outcome": "selected", "optionId": "y"}}}
    asked = heard(talk, reading, id="a", method="fs/read_text_file", params={"path": "/etc/shadow"})
    assert asked and asked["id"] == "a" and asked["error"]["code"] == -32601


def test_what_gemini_tells_of_its_tokens_is_read() -> None:
    talk, reading, _ = begun()
    told = {"quota": {"token_count": {"input_tokens": 300, "output_tokens": 21}}}
    heard(talk, reading, id=4, result={"stopReason": "end_turn", "_meta": told})
    assert reading.usage == Usage(300, 21) and reading.closed


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ({"id": 2, "error": {"code": -32000, "message": "log in"}}, LOGGED_OUT),
        ({"id": 4, "error": {"code": -32603, "message": "overloaded"}}, "overloaded"),
        ({"id": 4, "result": {"stopReason": "refusal"}}, "its turn ended by refusal"),
        ({"id": 4, "result": {"stopReason": "max_tokens"}}, "its turn ended by max_tokens"),
    ],
)
def test_what_it_cannot_do_is_an_error_and_the_end(message: dict[str, Any], said: str) -> None:
    talk, reading, _ = begun()
    heard(talk, reading, **message)
    assert reading.closed and said in reading.error


@pytest.mark.parametrize(
    "line",
    [b"", b"\xff", b"starting", b"[]", b'{"id":9,"result":{}}', b'{"method":"session/update"}', b'{"method":"x/y"}',
     b'{"method":"session/update","params":{"update":{"sessionUpdate":"tool_call_update","kind":"edit","locations":3}}}'],
)  # fmt: skip
def test_lines_of_another_form_are_passed_over(line: bytes) -> None:
    talk, reading, _ = begun()
    assert talk.hear(line, reading) == b"" and not reading.closed and not reading.edited
