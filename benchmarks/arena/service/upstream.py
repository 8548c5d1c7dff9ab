"""A real server with OpenAI's API in place of the proposer: requests are passed on, with a model's name and a key."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any

from benchmarks.arena.proposer.reply import Call, Reply
from domains import retry

_PATIENCE_S = 600
_QUOTED = 200


class Refused(Exception):
    """The server did not reply; the message has its words. `status` is that of HTTP."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class Upstream:
    """Passes requests on, whole even where a stream is asked for."""

    def __init__(self, url: str, model: str, key: str) -> None:
        self._url, self._model, self._key = f"{url.rstrip('/')}/chat/completions", model, key

    def __call__(self, number: int, body: Mapping[str, Any]) -> Reply:
        """The server's reply; raises `Refused`."""
        kept = {name: value for name, value in body.items() if name not in ("stream", "stream_options", "n")}
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {self._key}"} if self._key else {})
        request = urllib.request.Request(  # noqa: S310 - the address is the user's
            self._url, json.dumps({**kept, "model": self._model}).encode(), headers
        )
        try:
            with urllib.request.urlopen(request, timeout=_PATIENCE_S) as answer:  # noqa: S310
                content = answer.read()
        except urllib.error.HTTPError as error:
            said = error.read(_QUOTED).decode(errors="replace")
            raise Refused(f"{self._url} answers {error.code} {error.reason} {said}".strip(), error.code) from None
        except (OSError, http.client.HTTPException) as error:
            raise Refused(f"{self._url} cannot be reached ({retry.describe_error(error)})", 502) from None
        try:
            return _reply(json.loads(content))
        except (ValueError, LookupError, TypeError, AttributeError):  # whatever else it is
            quoted = content[:_QUOTED].decode(errors="replace")
            raise Refused(f"{self._url} answers what is no chat completion: {quoted}", 502) from None


def _reply(completion: Any) -> Reply:
    message = completion["choices"][0]["message"]
    text, calls = message.get("content") or "", [call["function"] for call in message.get("tool_calls") or ()]
    if not isinstance(text, str):
        raise TypeError
    return Reply(text, [Call(call["name"], _arguments(call["arguments"])) for call in calls])


def _arguments(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
