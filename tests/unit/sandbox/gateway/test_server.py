"""The gateway answers every client that speaks HTTP, in order, and no client ends it or stops the others."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import threading
from collections.abc import Iterator
from typing import Any

import anthropic
import pytest

from engine.sandbox.inside.context import Refused
from engine.sandbox.inside.gateway.server import MOST_BODY, MOST_CONNECTIONS, Gateway
from tests.unit.sandbox.gateway.replies import CALLED, SAID

HELLO: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "hello"}]}


class Answers:
    """`ctx.model.chat`, with the same reply each time; refuses what is `forbidden`. `held` lets the next call wait."""

    def __init__(self) -> None:
        self.calls: list[Any] = []
        self.reply: Any = SAID
        self.held = threading.Event()
        self.begun = threading.Event()
        self.held.set()

    def __call__(self, op: str, payload: Any) -> Any:
        self.calls.append(payload)
        self.begun.set()
        assert self.held.wait(10)
        if "forbidden" in str(payload):
            raise Refused("the budget is spent")
        return self.reply


@pytest.fixture
def answers() -> Answers:
    return Answers()


@pytest.fixture
def gateway(answers: Answers) -> Iterator[Gateway]:
    serving = Gateway(answers)
    serving.start()
    yield serving
    answers.held.set()
    serving.close()


def post(gateway: Gateway, body: Any, path: str = "/v1/chat/completions") -> tuple[int, Any]:
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=10)) as client:
        client.request("POST", path, body if isinstance(body, bytes) else json.dumps(body))
        response = client.getresponse()
        return response.status, json.loads(response.read())


def connect(gateway: Gateway) -> socket.socket:
    return socket.create_connection(("127.0.0.1", gateway.port), timeout=10)


def test_a_request_is_a_call(gateway: Gateway, answers: Answers) -> None:
    status, answer = post(gateway, HELLO)
    assert (status, answer["choices"][0]["message"]["content"]) == (200, SAID["text"])
    assert [call["messages"] for call in answers.calls] == [[{"role": "user", "text": "hello"}]]


def test_an_unmodified_sdk_finds_it_whole_and_streamed(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in gateway.environment.items():
        monkeypatch.setenv(name, value)
    asked: Any = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hello"}]}
    with anthropic.Anthropic() as client:
        (block,) = client.messages.create(**asked).content
        assert block.type == "text" and block.text == SAID["text"]
        with client.messages.stream(**asked) as stream:
            assert "".join(stream.text_stream) == SAID["text"]
            assert stream.get_final_message().usage.output_tokens == 42


def test_what_is_refused_is_an_error_that_an_sdk_does_not_try_again(
    gateway: Gateway, answers: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in gateway.environment.items():
        monkeypatch.setenv(name, value)
    with anthropic.Anthropic() as client, pytest.raises(anthropic.PermissionDeniedError, match="the budget is spent"):
        client.messages.create(model="m", max_tokens=9, messages=[{"role": "user", "content": "forbidden"}])
    assert len(answers.calls) == 1
    assert gateway.refused
    post(gateway, HELLO)
    assert not gateway.refused


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/v1/chat/completions", b"", 400),
        ("/v1/chat/completions", b"[" * 100_000, 400),
        ("/v1/chat/completions", b'{"messages": [{"role": "user", "content": "\xff"}]}', 400),
        ("/v1/chat/completions", {"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, 400),
        (
            "/v1/chat/completions",
            {**HELLO, "tools": [{"function": {"name": "f", "parameters": {"maximum": 10**30}}}]},
            400,
        ),
        ("/v1/messages", {"messages": 3}, 400),
        ("/v1/responses", {"input": {}}, 400),
        ("/v1/embeddings", HELLO, 404),
        ("/../etc/passwd", HELLO, 404),
    ],
)
def test_a_bad_request_is_told_what_is_wrong_and_calls_nothing(
    gateway: Gateway, answers: Answers, path: str, body: Any, status: int
) -> None:
    found, answer = post(gateway, body, path)
    assert found == status
    assert answer["error"]["message"]
    assert answers.calls == []
    assert post(gateway, HELLO)[0] == 200


def test_a_body_that_is_too_big_is_refused_before_it_is_read(gateway: Gateway) -> None:
    with connect(gateway) as client:
        client.sendall(f"POST /v1/messages HTTP/1.1\r\ncontent-length: {MOST_BODY + 1}\r\n\r\n".encode())
        assert client.recv(100).startswith(b"HTTP/1.1 413 ")


def test_the_largest_body_is_one_call(gateway: Gateway, answers: Answers) -> None:
    text = "x" * (MOST_BODY - 100)
    assert post(gateway, {"messages": [{"role": "user", "content": text}]})[0] == 200
    assert answers.calls[0]["messages"][0]["text"] == text


@pytest.mark.parametrize(
    "data", [b"\x16\x03\x01" + b"\0" * 300, b"rubbish\r\n\r\n", b"GET / HTTP/9\r\n\r\n", b"\xff" * 70_000]
)
def test_what_is_no_http_ends_its_connection_only(gateway: Gateway, data: bytes) -> None:
    with connect(gateway) as client, contextlib.suppress(OSError):  # it may have been closed by then
        client.sendall(data)
        client.shutdown(socket.SHUT_WR)
        while client.recv(1 << 16):
            pass
    assert post(gateway, HELLO)[0] == 200


def test_connections_that_send_nothing_or_half_a_request_stop_no_other(gateway: Gateway) -> None:
    with contextlib.ExitStack() as stack:
        for number in range(3 * MOST_CONNECTIONS):
            client = stack.enter_context(connect(gateway))
            if number % 2:
                client.sendall(b"POST /v1/messages HTTP/1.1\r\ncontent-length: 9\r\n\r\nhalf")
        assert post(gateway, HELLO)[0] == 200


def test_a_client_that_does_not_read_stops_no_other(gateway: Gateway, answers: Answers) -> None:
    with connect(gateway) as client:
        body = json.dumps({**HELLO, "n": 16, "stream": True}).encode()
        request = b"POST /v1/chat/completions HTTP/1.1\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)
        client.sendall(request * 300)
        assert post(gateway, HELLO)[0] == 200


def test_clients_that_call_at_once_are_all_answered(gateway: Gateway, answers: Answers) -> None:
    found: list[int] = []
    threads = [threading.Thread(target=lambda: found.append(post(gateway, HELLO)[0])) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [200] * 20
    assert len(answers.calls) == 20


def test_a_client_that_has_gone_before_its_turn_is_not_called_for(gateway: Gateway, answers: Answers) -> None:
    answers.held.clear()
    first = threading.Thread(target=lambda: post(gateway, HELLO))
    first.start()
    assert answers.begun.wait(10)
    with connect(gateway) as client:
        body = json.dumps(HELLO).encode()
        client.sendall(b"POST /v1/chat/completions HTTP/1.1\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body))
    answers.held.set()
    first.join()
    assert post(gateway, HELLO)[0] == 200
    assert len(answers.calls) == 2


def test_a_stream_that_is_dropped_leaves_the_gateway_as_it_was(gateway: Gateway, answers: Answers) -> None:
    answers.held.clear()
    with connect(gateway) as client:
        body = json.dumps({**HELLO, "stream": True}).encode()
        client.sendall(b"POST /v1/chat/completions HTTP/1.1\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body))
        assert answers.begun.wait(10)
    answers.held.set()
    assert post(gateway, HELLO)[0] == 200


def test_a_connection_carries_many_requests(gateway: Gateway) -> None:
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=10)) as client:
        for _ in range(5):
            client.request("POST", "/v1/responses", json.dumps({"model": "m", "input": "hello"}))
            answer = json.loads(client.getresponse().read())
            assert answer["output"][0]["content"][0]["text"] == SAID["text"]


@pytest.mark.parametrize("changed", [False, True])
def test_what_a_model_thought_goes_back_with_its_call_as_it_came(
    gateway: Gateway, answers: Answers, changed: bool
) -> None:
    thought = [{"reasoning_content": "it rains"}]
    answers.reply = {**CALLED, "blocks": thought}
    said = post(gateway, HELLO)[1]["choices"][0]["message"]
    assert "it rains" not in str(said)
    if changed:
        said["content"] = "something else"
    result = {"role": "tool", "tool_call_id": "c9", "content": "rain"}
    post(gateway, {**HELLO, "messages": [*HELLO["messages"], said, result]})
    assert answers.calls[1]["messages"][1].get("blocks") == (None if changed else thought)


def test_it_tells_of_its_one_model(gateway: Gateway) -> None:
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=10)) as client:
        client.request("GET", "/v1/models")
        assert [one["id"] for one in json.loads(client.getresponse().read())["data"]] == ["task-model"]


def test_it_serves_at_the_same_port_again_once_it_is_closed(answers: Answers) -> None:
    first = Gateway(answers)
    first.start()
    client = connect(first)
    first.close()
    second = Gateway(answers, first.port)
    second.start()
    assert second.port == first.port
    assert post(second, HELLO)[0] == 200
    client.close()
    second.close()
