"""One errand over the Agent Client Protocol: JSON-RPC in lines, of which we are the client (agentclientprotocol.com).

Without any input or output of its own: it is told the agent's lines, and returns what is to be sent. It lends the agent
neither files nor a terminal, since the agent has its own in the sandbox, and permits what the agent asks for.
"""

from __future__ import annotations

from typing import Any

import msgspec

from engine.clients.lines.reading import Reading, child, count, parsed
from engine.usage import Usage

PROTOCOL = 1
_INITIALIZE, _SESSION, _MODEL, _PROMPT = 1, 2, 3, 4
_LOGIN_NEEDED = -32000
LOGGED_OUT = "authentication is required"
_TURNS = ("end_turn", "cancelled")
"""Reasons for which a turn may end that are no errors."""


class Talk:
    """The talk of one errand: `prompt` is what it is about, `model` the model that is asked for, empty for its own."""

    def __init__(self, prompt: str, folder: str, model: str) -> None:
        self._prompt, self._folder, self._model = prompt, folder, model
        self._session = ""
        self._message = ""

    def opening(self) -> bytes:
        """What is sent first."""
        lends = {"fs": {"readTextFile": False, "writeTextFile": False}, "terminal": False}
        return _request(_INITIALIZE, "initialize", {"protocolVersion": PROTOCOL, "clientCapabilities": lends})

    def hear(self, line: bytes, reading: Reading) -> bytes:
        """Adds a line of the agent's to `reading`; returns what is to be sent. It is over once `reading` is closed."""
        told = parsed(line)
        method, number = told.get("method"), told.get("id")
        if method == "session/update":
            self._update(child(told, "params", "update"), reading)
            return b""
        if method is not None:
            return b"" if number is None else _answer(number, str(method), child(told, "params"))
        if told.get("error") is not None and isinstance(number, int):
            needed = child(told, "error", "code") == _LOGIN_NEEDED
            said = str(child(told, "error", "message") or "it refuses")
            reading.error, reading.closed = f"{LOGGED_OUT}: {said}" if needed else said, True
            return b""
        return self._result(number, child(told, "result"), reading)

    def _result(self, number: object, result: Any, reading: Reading) -> bytes:
        if number == _INITIALIZE:
            return _request(_SESSION, "session/new", {"cwd": self._folder, "mcpServers": []})
        if number == _SESSION:
            self._session = str(child(result, "sessionId"))
            return self._choose_model(result, reading) if self._model else self._ask()
        if number == _MODEL:
            reading.model = self._model
            return self._ask()
        if number == _PROMPT:
            reading.usage = _usage(child(result, "usage")) if child(result, "usage") else _quota(result)
            reason = str(child(result, "stopReason") or "end_turn")
            reading.error = "" if reason in _TURNS else f"its turn ended by {reason}"
            reading.closed = True
        return b""

    def _choose_model(self, result: Any, reading: Reading) -> bytes:
        session = {"sessionId": self._session}
        options = child(result, "configOptions")
        for option in options if isinstance(options, list) else ():
            if child(option, "category") == "model" or child(option, "id") == "model":
                chosen = {**session, "configId": child(option, "id"), "value": self._model}
                return _request(_MODEL, "session/set_config_option", chosen)
        if child(result, "models"):
            return _request(_MODEL, "session/set_model", {**session, "modelId": self._model})
        reading.error, reading.closed = "it offers no choice of a model; leave --agent-model out", True
        return b""

    def _ask(self) -> bytes:
        prompt = [{"type": "text", "text": self._prompt}]
        return _request(_PROMPT, "session/prompt", {"sessionId": self._session, "prompt": prompt})

    def _update(self, update: Any, reading: Reading) -> None:
        kind = child(update, "sessionUpdate")
        if kind == "agent_message_chunk":
            message = str(child(update, "messageId") or "")
            text = str(child(update, "content", "text") or "")
            reading.text = reading.text + text if message == self._message else text
            self._message = message
        elif kind == "tool_call":
            reading.turns += 1
            self._message = ""
        if kind in ("tool_call", "tool_call_update") and child(update, "kind") == "edit":
            places = child(update, "locations")
            found = [child(place, "path") for place in places] if isinstance(places, list) else []
            reading.edited += [path for path in found if isinstance(path, str) and path not in reading.edited]


def _request(number: int, method: str, params: dict[str, Any]) -> bytes:
    return _line({"jsonrpc": "2.0", "id": number, "method": method, "params": params})


def _answer(number: object, method: str, params: Any) -> bytes:
    """The answer to a request of the agent's: yes to what it may do in the sandbox, no to what we do not lend."""
    head = {"jsonrpc": "2.0", "id": number}
    if method != "session/request_permission":
        return _line({**head, "error": {"code": -32601, "message": f"there is no {method} here"}})
    options = child(params, "options")
    known = {child(one, "kind"): child(one, "optionId") for one in options} if isinstance(options, list) else {}
    chosen = known.get("allow_once") or known.get("allow_always")
    outcome = {"outcome": "selected", "optionId": chosen} if chosen else {"outcome": "cancelled"}
    return _line({**head, "result": {"outcome": outcome}})


def _usage(found: Any) -> Usage:
    return Usage(
        count(child(found, "inputTokens")),
        count(child(found, "outputTokens")),
        count(child(found, "cachedReadTokens")),
        count(child(found, "cachedWriteTokens")),
    )


def _quota(result: Any) -> Usage:
    """What Gemini CLI 0.61.0 tells in a place of its own."""
    told = child(result, "_meta", "quota", "token_count")
    return Usage(count(child(told, "input_tokens")), count(child(told, "output_tokens")))


def _line(message: dict[str, Any]) -> bytes:
    return msgspec.json.encode(message) + b"\n"
