"""Classifies failed HTTP calls: an error that may be retried, or one that is permanent.

The statuses are those of Anthropic's and OpenAI's APIs, which agree; 529 is Anthropic's "overloaded".
"""

from __future__ import annotations

import datetime
import email.utils
from collections.abc import Mapping

from engine.models.protocol import ContextTooLong, PermanentError, RetryableError

RETRYABLE = frozenset({408, 409, 425, 429, 529})
"""Client errors that may be retried; besides them every 5xx but 501."""
_TOO_LONG = (
    "prompt is too long",
    "context_length_exceeded",
    "maximum context length",
    "context window",
    "context size",
    "exceed context limit",
)
_SPENT = "insufficient_quota"
"""OpenAI's code, under status 429, for an account without credit: waiting does not help.
https://platform.openai.com/docs/guides/error-codes"""
_NO_TOOLS = "--jinja"
"""In llama-server's refusal of tools, under status 500: github.com/ggml-org/llama.cpp, docs/function-calling.md."""
_TOO_MUCH = "request too large"
"""OpenAI's, under status 429: the request alone exceeds the tokens of a minute, so that waiting does not help."""
_NO_KEY = "pair its address with a key under [servers] in your own sia.toml: url, and key, the name of a variable"
_REMEDIES = {
    401: "check the key in {key}",
    402: "add credit to the account of the key in {key}",
    403: "use a key that may call this model, in {key}",
    404: "check the model's name and the server's address",
    413: "shorten the prompt",
}


def classify(status: int, message: str, *, key: str, after_s: float | None = None) -> RetryableError | PermanentError:
    """The error for a response with this HTTP `status`; `key` names where the key comes from; empty for none."""
    text = f"{message} (status {status})"
    if any(mark in message.lower() for mark in _TOO_LONG) and status in (400, 413, 422, 500):
        return ContextTooLong(
            f"the context is too long: {text}", "shorten the prompt, or choose a model with more", status=status
        )
    if _SPENT in message:
        return PermanentError(text, _REMEDIES[402].format(key=key), status=status)
    if _NO_TOOLS in message:
        return PermanentError(text, "start llama-server with --jinja", status=400)
    if status == 429 and _TOO_MUCH in message.lower():
        return PermanentError(text, _REMEDIES[413], status=413)
    if status in (401, 403) and not key:
        return PermanentError(text, _NO_KEY, status=status)
    if status in RETRYABLE or (status >= 500 and status != 501):
        return RetryableError(text, status=status, after_s=after_s)
    remedy = _REMEDIES.get(status, "the request is not valid for this model").format(key=key)
    return PermanentError(text, remedy, status=status)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Retry-After in seconds, in any of its forms (RFC 9110); None where the server sends none."""
    try:
        if "retry-after-ms" in headers:
            return max(0.0, float(headers["retry-after-ms"]) / 1000)
        return max(0.0, float(headers["retry-after"]))
    except KeyError:
        return None
    except ValueError:
        pass
    try:
        until = email.utils.parsedate_to_datetime(headers["retry-after"])
    except (KeyError, ValueError):
        return None
    return max(0.0, (until - datetime.datetime.now(datetime.UTC)).total_seconds())
