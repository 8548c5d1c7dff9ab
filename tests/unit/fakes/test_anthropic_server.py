"""The fake of Anthropic's API as a process of its own: it outlives its client and knows what it has answered."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.fakes import serving
from tests.fakes.anthropic_server import KEY
from tests.fakes.serving import Record

SCRIPT = """
from tests.fakes.anthropic_server import Plan

def script(asked):
    return Plan([f"reply {asked.n}"], pause_s=asked.body["max_tokens"] / 1000)
"""
BODY = {"model": "m", "max_tokens": 1, "messages": [{"role": "user", "content": "hello"}], "stream": True}


def post(url: str, body: dict[str, object], key: str = KEY) -> str:
    headers = {"x-api-key": key, "anthropic-version": "2026-10-21"}
    request = urllib.request.Request(f"{url}/v1/messages", json.dumps(body).encode(), headers)  # noqa: S310
    with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310
        return str(response.read().decode())


def test_it_answers_and_counts_in_a_process_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "said.py").write_text(SCRIPT)
    with serving.process("tests.fakes.anthropic_server", f"{tmp_path}/said.py:script") as server:
        assert "event: message_stop" in post(server.url, BODY)
        with pytest.raises(urllib.error.HTTPError, match="401"):
            post(server.url, BODY, key="wrong")
        with pytest.raises(urllib.error.HTTPError, match="400"):
            post(server.url, BODY | {"temperature": 1.0})
        assert [(record.status, record.answered) for record in server.wait_for(3)] == [
            (200, True), (401, False), (400, False),
        ]  # fmt: skip


def test_records_are_in_the_order_of_the_requests_and_whole(tmp_path: Path) -> None:
    """An answer is written down after it was sent, so that a later request may be written down before it."""
    file = tmp_path / "records"
    lines = [json.dumps(Record(n, "/", {}, 200, whole=True)._asdict()) for n in (2, 1, 3)]
    file.write_text("\n".join(lines)[:-5])
    assert [record.n for record in serving.Process("", file).records] == [1, 2]
