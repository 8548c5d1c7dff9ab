"""HTTP/1.1 as far as the vendors' SDKs use it: requests with a length, out of bytes as they arrive; whole replies.

Everything is bounded, and what is not understood ends the connection: RFC 9112.
"""

from __future__ import annotations

from typing import NamedTuple

MOST_HEAD = 64 << 10
"""Bytes of a request's first line and headers."""
_REASONS = {
    200: "OK",
    400: "Bad Request",
    403: "Forbidden",
    404: "Not Found",
    411: "Length Required",
    413: "Content Too Large",
}
_REASONS |= {431: "Request Header Fields Too Large", 500: "Internal Server Error"}
_END = b"\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Request(NamedTuple):
    """A request. `path` is without its query; `keeps` says whether the connection stays open."""

    method: str
    path: str
    body: bytes
    keeps: bool


class Malformed(Exception):
    """What arrived is no request; `status` is that of the reply, after which the connection is closed."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class _Head(NamedTuple):
    method: str
    path: str
    length: int
    keeps: bool
    expects: bool


class Reader:
    """Reads requests out of the bytes of a connection; a body may have `most` bytes."""

    def __init__(self, most: int) -> None:
        self._most, self._data = most, bytearray()
        self._head: _Head | None = None

    @property
    def is_empty(self) -> bool:
        """Whether no part of a request has arrived."""
        return not self._data and self._head is None

    def feed(self, data: bytes) -> None:
        """Takes what has arrived."""
        self._data += data

    def take(self) -> Request | None:
        """The next whole request, if there is one; raises `Malformed`, after which nothing more is read."""
        if self._head is None:
            self._head = self._read_head()
        head = self._head
        if head is None or len(self._data) < head.length:
            return None
        body = bytes(self._data[: head.length])
        del self._data[: head.length]
        self._head = None
        return Request(head.method, head.path, body, head.keeps)

    def is_expected(self) -> bool:
        """Whether the client waits to be told to send the body; true once for a request."""
        head = self._head
        if head is None or not head.expects:
            return False
        self._head = head._replace(expects=False)
        return True

    def _read_head(self) -> _Head | None:
        end = self._data.find(_END, 0, MOST_HEAD)
        if end < 0:
            if len(self._data) >= MOST_HEAD:
                raise Malformed(431, f"the headers take more than {MOST_HEAD} bytes")
            return None
        text = self._data[:end].decode("latin-1")
        del self._data[: end + len(_END)]
        return _parse(text, self._most)


def _parse(text: str, most: int) -> _Head:
    first, *lines = text.split("\r\n")
    words = first.split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1."):
        raise Malformed(400, "this is not HTTP/1.1")
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        name, value = name.lower(), value.strip()
        if not colon or not name or name != name.strip() or headers.get(name, value) != value:
            raise Malformed(400, f"the header {line[:40]!r} is malformed or stands twice")
        headers[name] = value
    if "transfer-encoding" in headers:
        raise Malformed(411, "send the body with a content-length")
    if headers.get("content-encoding", "identity") != "identity":
        raise Malformed(400, "send the body without a content-encoding")
    length = headers.get("content-length", "0")
    if not (length.isascii() and length.isdigit() and len(length) < 16):
        raise Malformed(400, "the content-length is no number")
    if int(length) > most:
        raise Malformed(413, f"the request takes {length} bytes, more than the {most} that a call may take")
    method, target, version = words
    connection = headers.get("connection", "").lower()
    keeps = connection != "close" if version == "HTTP/1.1" else connection == "keep-alive"
    expects = headers.get("expect", "").lower() == "100-continue"
    return _Head(method, target.partition("?")[0], int(length), keeps, expects)


def reply(status: int, kind: str, body: bytes, *, keeps: bool) -> bytes:
    """A whole reply with a body of the media type `kind`."""
    lines = [f"HTTP/1.1 {status} {_REASONS[status]}", f"content-type: {kind}", f"content-length: {len(body)}"]
    lines.append(f"connection: {'keep-alive' if keeps else 'close'}")
    return "\r\n".join([*lines, "", ""]).encode() + body
