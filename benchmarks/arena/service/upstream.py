"""A real server with OpenAI's API in place of the proposer: requests are passed on, with a model's name and a key."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any

from benchmarks.arena.proposer.reply import Call, Reply

_PATIENCE_S = 600


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
                message = json.load(answer)["choices"][0]["message"]
        except urllib.error.HTTPError as error:
            raise Refused(error.read().decode(errors="replace")[:500] or str(error), error.code) from None
        except (OSError, ValueError, LookupError) as error:
            raise Refused(f"{type(error).__name__}: {error}", 502) from None
        calls = [call["function"] for call in message.get("tool_calls") or ()]
        return Reply(
            message.get("content") or "", [Call(call["name"], _arguments(call["arguments"])) for call in calls]
        )


def _arguments(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
