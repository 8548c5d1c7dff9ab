"""What is retried, how often, and what is reported at once."""

from __future__ import annotations

import errno
import http.client
import socket
import ssl
import urllib.error
from collections.abc import Callable
from email.message import Message

import pytest

from domains.contract import DataInvalid, DataMissing, DataRefused
from domains.retry import LONGEST_WAIT_S, WAITS_S, with_retries


def fails(times: int, error: Exception) -> Callable[[], str]:
    left = [error] * times

    def get() -> str:
        if left:
            raise left.pop()
        return "it"

    return get


def http_error(status: int, **headers: str) -> urllib.error.HTTPError:
    message = Message()
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    return urllib.error.HTTPError("http://x", status, "No", message, None)


def tried(get: Callable[[], str]) -> tuple[str, list[float], list[str]]:
    waits: list[float] = []
    said: list[str] = []
    return with_retries(get, said.append, waits.append), waits, said


PASSING = [
    DataRefused("pip could not: try again.", "No matching distribution found"),
    http_error(503),
    http_error(429),
    http_error(500),
    urllib.error.URLError(socket.gaierror(-3, "Temporary failure in name resolution")),
    urllib.error.URLError(ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused")),
    urllib.error.URLError(TimeoutError("timed out")),
    urllib.error.URLError(OSError(errno.ENETUNREACH, "Network is unreachable")),
    ConnectionResetError(errno.ECONNRESET, "Connection reset by peer"),
    TimeoutError("timed out"),
    http.client.IncompleteRead(b"half"),
    http.client.RemoteDisconnected("Remote end closed connection without response"),
    ssl.SSLEOFError(8, "EOF occurred in violation of protocol"),
]
LASTING = [
    DataMissing("it is not there: put it there."),
    DataInvalid("another digest"),
    http_error(404),
    http_error(403),
    urllib.error.URLError("unknown url type: hppts"),
    urllib.error.URLError(ssl.SSLCertVerificationError(1, "certificate verify failed")),
    OSError(errno.ENOSPC, "No space left on device"),
    PermissionError(errno.EACCES, "Permission denied"),
    ValueError("a defect"),
]


@pytest.mark.parametrize("error", PASSING, ids=repr)
def test_what_may_pass_is_asked_again_and_the_wait_is_said(error: Exception) -> None:
    got, waits, said = tried(fails(2, error))
    assert (got, waits) == ("it", list(WAITS_S[:2]))
    assert all(line.endswith(f": trying again in {wait:g} s") for line, wait in zip(said, waits, strict=True))
    assert "[Errno" not in said[0]


@pytest.mark.parametrize("error", LASTING, ids=repr)
def test_what_lasts_is_told_at_once(error: Exception) -> None:
    with pytest.raises(type(error)) as raised:
        tried(fails(1, error))
    assert raised.value is error


@pytest.mark.parametrize("error", PASSING, ids=repr)
def test_in_the_end_it_is_told_in_one_sentence(error: Exception) -> None:
    waits: list[float] = []
    with pytest.raises(DataRefused, match="try again") as raised:
        with_retries(fails(9, error), lambda _: None, waits.append)
    assert tuple(waits) == WAITS_S
    assert sorted(waits) == waits
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("wish", "waits"),
    [("9", 9.0), ("0", WAITS_S[0]), ("86400", LONGEST_WAIT_S), ("-1", WAITS_S[0]), ("Sat, 01 Aug 2026", WAITS_S[0])],
)
def test_a_server_may_wish_for_a_longer_wait(wish: str, waits: float) -> None:
    assert tried(fails(1, http_error(429, Retry_After=wish)))[1] == [waits]
