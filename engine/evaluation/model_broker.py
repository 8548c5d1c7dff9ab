"""The engine's end of `ctx.model`: checks a harness's calls of the task model and gives each its position and seed.

Calls are untrusted. An invalid request, or one that the model will never answer, is refused: the instance fails with
the kind `model`. What only a person can fix (a rejected key) is a `SiaError`. A model that cannot be reached is an
`InfrastructureFailure`: the evaluation is repeated, never scored.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Protocol

import msgspec

from engine.errors import SiaError
from engine.evaluation.errors import InfrastructureFailure
from engine.models.calling import ACCOUNT_ERRORS, BudgetExceeded, ModelUnavailable, Position, ScoreRequest
from engine.models.protocol import Message, Model, PermanentError, Reply, Request, ScoreReply, Tool, ToolCall
from engine.sandbox import CallRefused
from engine.sandbox.inside.context import NO_MODEL, NO_TOOLS
from engine.seeds import derive

MOST_CALLS = 64
"""Limit on the calls of one solve, or of `prepare`: model time does not count towards the sandbox's limits."""
MOST_TOKENS = 16_384


class Turn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A message as a harness writes it; `blocks` only as they came with a reply."""

    role: Literal["system", "user", "assistant", "tool"] = "user"
    text: str = ""
    calls: Sequence[ToolCall] = ()
    answers: str = ""
    failed: bool = False
    blocks: Sequence[dict[str, Any]] = ()


class Chat(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The arguments of `ctx.model.chat`. `tokens` asks for the ids and log-probabilities, where the model has them."""

    messages: Sequence[Turn | str]
    max_tokens: int = 1024
    temperature: float = 0.0
    top_p: float = 1.0
    stop: Sequence[str] = ()
    choices: Sequence[str] = ()
    schema: dict[str, Any] | None = None
    tools: Sequence[Tool] = ()
    tool_choice: str = ""
    tokens: bool = False


class Score(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The arguments of `ctx.model.score`."""

    prompt: str
    continuations: Sequence[str]


class TaskModel(Protocol):
    """What answers `ctx.model`: a model's `Caller`, or the policy in training."""

    model: Model

    @property
    def has_room(self) -> bool:
        """Whether a further call would be sent at once, so that it is worth to begin another solve meanwhile."""
        ...

    async def chat(self, at: Position, request: Request) -> Reply:
        """As `Caller.chat`."""
        ...

    async def score(self, at: Position, request: ScoreRequest) -> ScoreReply:
        """As `Caller.score`."""
        ...


class NoModel:
    """The broker without a task model: refuses every call, with the reason."""

    async def call(self, job_key: str | None, op: str, payload: Any, ordinal: int) -> Any:
        """Raises `CallRefused`."""
        raise CallRefused(NO_TOOLS if op == "tools.call" else NO_MODEL)


class TaskBroker:
    """Answers the calls of one harness; `harness` is its commit, empty for a harness that is only tried.

    `temperature` replaces the one that the harness asks for.
    """

    def __init__(
        self, caller: TaskModel, seed: int, harness: str, adapter: str | None = None, temperature: float | None = None
    ) -> None:
        self._caller, self._seed, self._harness, self._adapter = caller, seed, harness, adapter
        self._temperature = temperature
        self._blocks: dict[str, list[list[Any]]] = {}  # of the replies at each place

    async def call(self, job_key: str | None, op: str, payload: Any, ordinal: int) -> Any:
        """As `Broker.call`."""
        if ordinal >= MOST_CALLS:
            raise CallRefused(f"a solve may call the model {MOST_CALLS} times at most")
        at = Position("task", job_key or "prepare", ordinal, self._harness)
        try:
            if op == "model.chat":
                chat = _convert(payload, Chat)
                reply = await self._caller.chat(at, self._request(at, chat))
                if reply.blocks:
                    self._blocks.setdefault(at.place, []).append(list(reply.blocks))
                return _plain_reply(reply, tokens=chat.tokens)
            if op == "model.score":
                score = _convert(payload, Score)
                weights, seed = self._caller.model.weights, self._seed_of(at)
                scoring = ScoreRequest(weights, score.prompt, score.continuations, self._adapter, seed)
                return list((await self._caller.score(at, scoring)).logprobs)
        except PermanentError as error:
            if error.status in ACCOUNT_ERRORS:
                raise SiaError(str(error), error.remedy) from None
            raise CallRefused(f"{error}; {error.remedy}") from None
        except ModelUnavailable as error:
            raise InfrastructureFailure(str(error)) from None
        except BudgetExceeded as error:
            if error.long:  # a harness must not end the run by it
                raise CallRefused(f"{error}: its prompt might take more than half of it alone") from None
            raise
        raise CallRefused(NO_TOOLS if op == "tools.call" else "there is no such call")

    def _request(self, at: Position, chat: Chat) -> Request:
        if not 1 <= chat.max_tokens <= MOST_TOKENS:
            raise CallRefused(f"max_tokens lies between 1 and {MOST_TOKENS}")
        known = [[], *self._blocks.get(at.place, [])]
        turns = [Turn(text=turn) if isinstance(turn, str) else turn for turn in chat.messages]
        if any(list(turn.blocks) not in known for turn in turns):
            raise CallRefused("the blocks of a message are those of a reply in this solve, unchanged")
        return Request(
            weights=self._caller.model.weights,
            messages=[
                Message(turn.role, turn.text, turn.calls, turn.answers, turn.failed, turn.blocks) for turn in turns
            ],
            adapter=self._adapter,
            tools=chat.tools,
            tool_choice=chat.tool_choice,
            max_tokens=chat.max_tokens,
            temperature=chat.temperature if self._temperature is None else self._temperature,
            top_p=chat.top_p,
            seed=self._seed_of(at),
            stop=chat.stop,
            choices=chat.choices,
            schema=chat.schema,
        )

    def _seed_of(self, at: Position) -> int:
        return derive(self._seed, "model", at.place, at.ordinal)


def _convert(payload: Any, kind: Any) -> Any:
    try:
        return msgspec.convert(payload, kind)
    except msgspec.ValidationError as error:
        raise CallRefused(f"the call is not valid: {error}") from None


def _plain_reply(reply: Reply, *, tokens: bool) -> dict[str, Any]:
    """A reply as the plain data that a harness gets."""
    found = {
        "text": reply.text,
        "finish": reply.finish,
        "calls": [msgspec.to_builtins(call) for call in reply.calls],
        "usage": {"input": reply.usage.input, "output": reply.usage.output},
    }
    found |= {"blocks": list(reply.blocks)} if reply.blocks else {}
    if tokens and reply.tokens:
        sampled = [[token.id, token.logprob] for token in reply.tokens]
        found |= {"prompt_ids": list(reply.prompt_ids), "tokens": sampled}
    return found
