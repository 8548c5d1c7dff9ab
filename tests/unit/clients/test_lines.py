"""The lines of each client, as the versions of the table have printed them, and lines that are none of theirs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.clients.lines import claude_code, codex, text
from engine.clients.lines.reading import Reading
from engine.clients.table import CLIENTS
from engine.usage import Usage

GOLDEN = Path(__file__).parent / "lines"
Read = Callable[[bytes, Reading], None]


def reading(read: Read, *lines: bytes) -> Reading:
    found = Reading()
    for line in lines:
        read(line, found)
    return found


def golden(name: str) -> list[bytes]:
    return (GOLDEN / f"{name}.jsonl").read_bytes().splitlines()


def test_claude_code_tells_model_login_turns_tokens_money_edits_and_its_last_words() -> None:
    found = reading(claude_code.read, *golden("claude-code"))
    assert (found.model, found.login, found.turns, found.closed) == ("claude-opus-4-8[1m]", "key", 4, True)
    assert found.usage == Usage(1558, 50, 59675, 20580) and found.new_tokens == 1558 + 50 + 20580
    assert found.usd == pytest.approx(0.1675025)
    assert (found.edited, found.text, found.error) == (["/run/sia/desk/x.py", "/etc/elsewhere"], "done", "")


def test_claude_codes_tokens_count_once_a_message_before_the_end() -> None:
    *before, _ = golden("claude-code")
    found = reading(claude_code.read, *before)
    assert (found.turns, found.closed, found.usd) == (4, False, None)
    assert found.usage == Usage(1558, 4, 18770 + 20408 + 20497, 18770 + 1638 + 89 + 83)


def test_claude_codes_errors_are_errors() -> None:
    line = b'{"type":"result","subtype":"success","is_error":true,"result":"Not logged in \\u00b7 Please run /login"}'
    found = reading(claude_code.read, line)
    assert found.error.endswith("Please run /login") and found.closed
    assert any(mark in found.error for mark in CLIENTS["claude-code"].logged_out)


def test_codex_tells_turns_tokens_edits_and_its_last_words_and_no_money() -> None:
    found = reading(codex.read, *golden("codex"))
    assert (found.turns, found.closed, found.usd) == (3, True, None)
    assert found.usage == Usage(180, 21, 120) and found.new_tokens == 201
    assert (found.edited, found.text, found.error) == (["/run/sia/desk/y.py"], "done", "")


def test_codex_turns_that_fail_are_errors() -> None:
    found = reading(codex.read, b'{"type":"turn.failed","error":{"message":"401 Unauthorized"}}')
    assert found.error == "401 Unauthorized" and not found.closed


def test_a_program_may_tell_what_it_uses() -> None:
    found = reading(text.read, b"thinking", b'{"sia": {"tokens": 120, "usd": 0.5}}', b"done")
    assert (found.usage.total, found.usd, found.text) == (120, 0.5, "done")
    for line in ({"tokens": 1, "usd": 0.1}, {"tokens": 10**15, "usd": 1e300}, {"tokens": "x", "usd": float("nan")}, {}):
        text.read(json.dumps({"sia": line}).encode(), found)
    assert (found.usage.total, found.usd) == (120, 0.5), "it never sinks, and what cannot be is passed over"


@pytest.mark.parametrize("read", [claude_code.read, codex.read, text.read])
@pytest.mark.parametrize(
    "line",
    [
        *(b"", b"\xff\xfe", b"{", b"[]", b"null", b"warning: something", b'{"type": null}', b'{"sia": 3}'),
        *(b'{"type":"assistant"}', b'{"type":"assistant","message":{"content":[3,{"type":"tool_use"}],"usage":[]}}'),
        *(b'{"type":"result","usage":{"input_tokens":"many"},"num_turns":-1}', b'{"type":"item.completed","item":7}'),
        b'{"type":"item.completed","item":{"type":"file_change","changes":[{"path":3},4]}}',
    ],
)
def test_lines_of_another_form_add_nothing_and_break_nothing(read: Read, line: bytes) -> None:
    found = reading(read, line)
    assert (found.usage.total, found.usd, found.edited) == (0, None, [])
