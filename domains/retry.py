"""Retries: the one policy for downloads of data, models and packages."""

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
"""The waits between five tries. The loop has ten lines; a retry library would need as much configuration."""
LONGEST_WAIT_S = 120.0
"""The upper limit on a server's Retry-After."""
_AWAY = (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN)


def with_retries(get: Callable[[], T], report: Report, sleep: Callable[[float], None] = time.sleep) -> T:
    """Returns the result of `get`, which is retried after growing, reported waits while its error is temporary.

    Raises the last error; temporary network errors (`refusal`) as `DataRefused`.
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
    """A temporary error of urllib, http.client, ssl or a socket as `DataRefused`; None for a permanent one."""
    match error:
        case urllib.error.HTTPError():
            if error.code < 500 and error.code not in (408, 425, 429):
                return None
            return _refusal(f"the server answers {error.code} {error.reason}", _after_s(error.headers))
        case urllib.error.URLError():
            return refusal(error.reason) if isinstance(error.reason, Exception) else None
        case ssl.SSLCertVerificationError():
            return None
        case ConnectionError() | TimeoutError() | socket.gaierror() | ssl.SSLError() | http.client.HTTPException():
            return _refusal(describe_error(error))
        case OSError() if error.errno in _AWAY:
            return _refusal(describe_error(error))
    return None


def describe_error(error: Exception) -> str:
    """What went wrong, without error numbers."""
    if isinstance(error, urllib.error.URLError) and isinstance(error.reason, Exception):
        return describe_error(error.reason)
    if isinstance(error, http.client.IncompleteRead):
        return "the connection ended too early"
    return str(getattr(error, "strerror", None) or error) or type(error).__name__


def _refusal(reason: str, after_s: float = 0.0) -> DataRefused:
    return DataRefused(f"the data could not be obtained ({reason}): check the network and try again.", reason, after_s)


def _after_s(headers: Message) -> float:
    with contextlib.suppress(ValueError, TypeError):
        return max(0.0, float(headers["Retry-After"]))
    return 0.0  # no value, or a date: our own wait is used
