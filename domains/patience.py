"""What may be refused now and granted later is asked for again: the one policy for data, models and packages."""

from __future__ import annotations

import contextlib
import errno
import http.client
import socket
import ssl
import time
import urllib.error
from collections.abc import Callable
from email.message import Message
from typing import TypeVar

from domains.contract import DataRefused, Report

T = TypeVar("T")
WAITS_S = (1.0, 4.0, 15.0, 40.0)
"""Between five tries. This is a loop of ten lines; a library of retries would have to be told as much."""
LONGEST_WAIT_S = 120.0
"""As much of a server's wish (Retry-After) as is granted."""
_AWAY = (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN)


def patiently(get: Callable[[], T], report: Report, sleep: Callable[[float], None] = time.sleep) -> T:
    """What `get` returns, called again after growing waits while it is refused; each wait is reported.

    Raises what the last call raised; an error of the network that `refusal` knows as `DataRefused`.
    """
    for wait in (*WAITS_S, None):
        try:
            return get()
        except (DataRefused, OSError, http.client.HTTPException) as error:
            refused = error if isinstance(error, DataRefused) else refusal(error)
            if refused is None:
                raise
            if wait is None:
                raise refused from None
        pause = max(wait, min(refused.after_s, LONGEST_WAIT_S))
        report(f"{refused.reason}: trying again in {pause:g} s")
        sleep(pause)
    raise AssertionError


def refusal(error: Exception) -> DataRefused | None:
    """What an error of urllib, http.client, ssl or a socket says of a server that may answer later; None for others."""
    match error:
        case urllib.error.HTTPError():
            if error.code < 500 and error.code not in (408, 425, 429):
                return None
            return _refused(f"the server answers {error.code} {error.reason}", _after_s(error.headers))
        case urllib.error.URLError():
            return refusal(error.reason) if isinstance(error.reason, Exception) else None
        case ssl.SSLCertVerificationError():
            return None
        case ConnectionError() | TimeoutError() | socket.gaierror() | ssl.SSLError() | http.client.HTTPException():
            return _refused(words(error))
        case OSError() if error.errno in _AWAY:
            return _refused(words(error))
    return None


def words(error: Exception) -> str:
    """What went wrong, without the numbers of the system."""
    if isinstance(error, urllib.error.URLError) and isinstance(error.reason, Exception):
        return words(error.reason)
    if isinstance(error, http.client.IncompleteRead):
        return "the connection ended too early"
    return str(getattr(error, "strerror", None) or error) or type(error).__name__


def _refused(reason: str, after_s: float = 0.0) -> DataRefused:
    return DataRefused(f"the data could not be obtained ({reason}): check the network and try again.", reason, after_s)


def _after_s(headers: Message) -> float:
    with contextlib.suppress(ValueError, TypeError):
        return max(0.0, float(headers["Retry-After"]))
    return 0.0  # nothing is said, or a date: our own wait will do
