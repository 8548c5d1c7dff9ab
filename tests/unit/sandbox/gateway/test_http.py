"""Requests are read out of bytes as they arrive, and what is no request ends the connection."""

from __future__ import annotations

import pytest

from engine.sandbox.inside.gateway.http import MOST_HEAD, Malformed, Reader, reply

WHOLE = b"POST /v1/messages?beta=true HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"


@pytest.mark.parametrize("size", [1, 7, len(WHOLE)])
def test_a_request_is_read_however_its_bytes_arrive(size: int) -> None:
    reader = Reader(100)
    for start in range(0, len(WHOLE), size):
        assert reader.take() is None
        reader.feed(WHOLE[start : start + size])
    request = reader.take()
    assert request == ("POST", "/v1/messages", b"hello", True)
    assert reader.is_empty and reader.take() is None


def test_requests_that_come_together_are_read_one_after_the_other() -> None:
    reader = Reader(100)
    reader.feed(WHOLE + b"GET / HTTP/1.0\r\n\r\n")
    first, second = reader.take(), reader.take()
    assert first and second
    assert (first.keeps, second) == (True, ("GET", "/", b"", False))


def test_a_client_that_asks_is_told_once_to_send_its_body() -> None:
    reader = Reader(100)
    reader.feed(WHOLE.removesuffix(b"hello").replace(b"Host: x", b"Expect: 100-continue"))
    assert reader.take() is None
    assert reader.is_expected() and not reader.is_expected()


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"hello\r\n\r\n", 400),
        (b"\r\n\r\n", 400),
        (b"GET / HTTP/2\r\n\r\n", 400),
        (b"GET /\xff HTTP/1.1\r\nno colon\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\ncontent-length: -1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\ncontent-length: \xb2\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\ncontent-length : 1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\ncontent-encoding: gzip\r\ncontent-length: 1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n", 411),
        (b"POST / HTTP/1.1\r\ncontent-length: 101\r\n\r\n", 413),
        (b"POST / HTTP/1.1\r\ncontent-length: 99999999999999999999\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\na: " + b"b" * MOST_HEAD, 431),
    ],
)
def test_what_is_no_request_is_malformed(data: bytes, status: int) -> None:
    reader = Reader(100)
    reader.feed(data)
    with pytest.raises(Malformed) as caught:
        reader.take()
    assert caught.value.status == status
    reply(status, "text/plain", str(caught.value).encode(), keeps=False)


def test_a_reply_has_its_length() -> None:
    assert reply(200, "application/json", b"{}", keeps=True).split(b"\r\n")[0:3] == [
        b"HTTP/1.1 200 OK",
        b"content-type: application/json",
        b"content-length: 2",
    ]
