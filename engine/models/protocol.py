"""One protocol for every language model: chat with tools, streaming, scoring of given continuations.

A `Request` is data: equal requests to equal weights with equal seeds are the same request, which is what lets a
lineage remember replies. A backend does one call and classifies what went wrong; trying again is its caller's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, Protocol

import msgspec

from engine.usage import Usage

Role = Literal["system", "user", "assistant", "tool"]
Finish = Literal["stop", "length", "tools", "refused"]
OnText = Callable[[str], None]
"""Told each piece of a reply's text as it arrives."""


class ToolCall(msgspec.Struct, frozen=True):
    """A call that the model asks for. `id` pairs it with the `tool` message that answers it."""

    id: str
    name: str
    arguments: dict[str, Any]


class Message(msgspec.Struct, frozen=True, omit_defaults=True):
    """One turn. `calls` belong to `assistant`, `answers` (a call's id) and `failed` to `tool`."""

    role: Role
    text: str = ""
    calls: Sequence[ToolCall] = ()
    answers: str = ""
    failed: bool = False


class Tool(msgspec.Struct, frozen=True):
    """What a model may call; `parameters` is a JSON schema of an object."""

    name: str
    description: str
    parameters: Mapping[str, Any]


class Request(msgspec.Struct, frozen=True, omit_defaults=True):
    """One chat call. `weights` names the base model, `adapter` a LoRA adapter by its SHA-256.

    `choices` constrains the reply to one of these texts, `schema` to JSON of that shape; `tool_choice` demands a
    call of some tool (`any`) or of the one that it names. Not every backend can do all of it: see `Abilities`.
    """

    weights: str
    messages: Sequence[Message]
    adapter: str | None = None
    tools: Sequence[Tool] = ()
    tool_choice: str = ""
    max_tokens: int = 1024
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0
    stop: Sequence[str] = ()
    choices: Sequence[str] = ()
    schema: Mapping[str, Any] | None = None


class Token(msgspec.Struct, frozen=True):
    """A sampled token: its id and its log-probability under the model that sampled it."""

    id: int
    logprob: float


class Reply(msgspec.Struct, frozen=True, omit_defaults=True):
    """What came back. `prompt_ids` and `tokens` are there where the backend knows them: training needs them."""

    text: str
    finish: Finish
    usage: Usage
    calls: Sequence[ToolCall] = ()
    prompt_ids: Sequence[int] = ()
    tokens: Sequence[Token] = ()


class Scored(msgspec.Struct, frozen=True):
    """The log-probability (natural, summed over its tokens) of each continuation, in the order given."""

    logprobs: Sequence[float]
    usage: Usage


class Abilities(msgspec.Struct, frozen=True):
    """What a backend can do."""

    tools: bool = True
    score: bool = False
    choices: bool = False
    schema: bool = False
    seed: bool = False
    adapters: bool = False
    tokens: bool = False


class RetryableError(Exception):
    """A retry may succeed: 408, 409, 429, 5xx, 529, a broken stream. `after_s` is Retry-After, in seconds."""

    def __init__(self, message: str, *, status: int | None = None, after_s: float | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.after_s = after_s


class PermanentError(Exception):
    """Retrying this call cannot help (400, 401, 403, 404, context too long); `remedy` says what to do."""

    def __init__(self, message: str, remedy: str, *, status: int | None = None) -> None:
        super().__init__(message)
        self.remedy = remedy
        self.status = status


class Model(Protocol):
    """A backend with one base model."""

    weights: str
    abilities: Abilities

    async def chat(self, request: Request, on_text: OnText | None = None) -> Reply:
        """One reply; raises `RetryableError` or `PermanentError`."""
        ...

    async def score(self, prompt: str, continuations: Sequence[str], *, adapter: str | None = None) -> Scored:
        """Log-probabilities of `continuations` after `prompt`; raises `PermanentError` where the backend has none."""
        ...

    async def close(self) -> None:
        """Frees what the backend holds: connections, memory, a process."""
        ...
