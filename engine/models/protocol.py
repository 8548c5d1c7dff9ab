"""One protocol for every language model: chat with tools, streaming, and scoring of given continuations.

A `Request` is data: equal requests to equal weights with equal seeds are the same request, so that a lineage can reuse
replies. A backend makes one call and classifies its error; its caller retries.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, Protocol

import msgspec

from engine.usage import Usage

MessageRole = Literal["system", "user", "assistant", "tool"]
Finish = Literal["stop", "length", "tools", "refused"]
OnText = Callable[[str], None]
"""Called with each piece of a reply as it arrives: of its text, and of the names and arguments of its calls."""


class ToolCall(msgspec.Struct, frozen=True, omit_defaults=True):
    """A tool call by the model. `id` pairs it with the `tool` message that answers it.

    `invalid` says why the arguments, which are then empty, could not be taken: they were no object of plain values.
    """

    id: str
    name: str
    arguments: dict[str, Any]
    invalid: str = ""


class Message(msgspec.Struct, frozen=True, omit_defaults=True):
    """One message. `calls` and `blocks` are of `assistant`; `answers` (a call's id) and `failed` are of `tool`."""

    role: MessageRole
    text: str = ""
    calls: Sequence[ToolCall] = ()
    answers: str = ""
    failed: bool = False
    blocks: Sequence[Mapping[str, Any]] = ()


class Tool(msgspec.Struct, frozen=True):
    """A tool that the model may call; `parameters` is the JSON schema of an object."""

    name: str
    description: str
    parameters: Mapping[str, Any]


class Request(msgspec.Struct, frozen=True, omit_defaults=True):
    """One chat call. `weights` names the base model, `adapter` a LoRA adapter by its SHA-256.

    `choices` constrains the reply to one of these texts, `schema` to JSON of that shape; `tool_choice` requires a
    call of any tool (`any`) or of the tool that it names; `effort` is how much to spend on thinking, in the vendor's
    words. Backends differ in what they support: see `Abilities`.
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
    effort: str = ""


def ask_for_call(tool_choice: str) -> str:
    """What a model is told that cannot be made to call a tool."""
    which = "one of the tools" if tool_choice == "any" else f"the tool {tool_choice}"
    return f"End every reply with a call of {which}."


class Token(msgspec.Struct, frozen=True):
    """A sampled token: its id and its log-probability under the model that sampled it."""

    id: int
    logprob: float


class Reply(msgspec.Struct, frozen=True, omit_defaults=True):
    """A model's reply. Training needs `prompt_ids` and `tokens`; they are empty where the backend has none.

    `usd` is what the server says that the reply has cost, where it says so. `blocks` is a reply with reasoning in its
    server's own form: the server wants it back unchanged, in `Message.blocks`, when the conversation goes on.
    """

    text: str
    finish: Finish
    usage: Usage
    calls: Sequence[ToolCall] = ()
    prompt_ids: Sequence[int] = ()
    tokens: Sequence[Token] = ()
    usd: float | None = None
    blocks: Sequence[Mapping[str, Any]] = ()


class ScoreReply(msgspec.Struct, frozen=True):
    """The natural log-probability of each continuation, summed over its tokens, in the order of the request."""

    logprobs: Sequence[float]
    usage: Usage


class Abilities(msgspec.Struct, frozen=True):
    """What a backend supports; `window` is how many tokens prompt and reply have together, 0 where it is not known."""

    tools: bool = True
    score: bool = False
    choices: bool = False
    schema: bool = False
    seed: bool = False
    adapters: bool = False
    tokens: bool = False
    window: int = 0


class RetryableError(Exception):
    """A retry may succeed: 408, 409, 429, 5xx, 529, a broken stream. `after_s` is Retry-After, in seconds."""

    def __init__(self, message: str, *, status: int | None = None, after_s: float | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.after_s = after_s


class UnusableReply(RetryableError):
    """A reply arrived, and was billed, of which no `Reply` can be made. `raw` is what arrived, as far as it is known.

    `usage` is None where the reply does not say what it took.
    """

    def __init__(self, message: str, raw: bytes, usage: Usage | None) -> None:
        super().__init__(message)
        self.raw = raw
        self.usage = usage


class PermanentError(Exception):
    """Retrying this call cannot help (400, 401, 403, 404, context too long); `remedy` says what to do."""

    def __init__(self, message: str, remedy: str, *, status: int | None = None) -> None:
        super().__init__(message)
        self.remedy = remedy
        self.status = status


class ContextTooLong(PermanentError):
    """The prompt exceeds the model's window, or was cut by it: a shorter one may be answered."""


class Model(Protocol):
    """A backend with one base model."""

    weights: str
    abilities: Abilities

    async def chat(self, request: Request, on_text: OnText | None = None) -> Reply:
        """One reply; raises `RetryableError` or `PermanentError`."""
        ...

    async def score(self, prompt: str, continuations: Sequence[str], *, adapter: str | None = None) -> ScoreReply:
        """Log-probabilities of `continuations` after `prompt`; raises `PermanentError` if the backend has none."""
        ...

    async def close(self) -> None:
        """Releases the backend's connections, memory or process."""
        ...
