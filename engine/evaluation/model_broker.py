"""The engine's end of `ctx.model`: what a harness asks of the task model, checked, positioned, recorded, paid.

What arrives here is hostile. A request that is wrong, or that the model will never answer, is refused: the instance
fails with the kind `model`. What only a person can mend (a refused key) ends the run's work with one sentence; a model
that cannot be reached fails the step, which is done again, and is never a score of zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Protocol

import msgspec

from engine.core.failure import StepFailure
from engine.errors import SiaError
from engine.events import types as t
from engine.models.calling import A_PERSON_MUST_HELP, Position, Scoring, Unavailable
from engine.models.protocol import Hopeless, Message, Model, Reply, Request, Scored, Tool, ToolCall
from engine.sandbox import Broker, Refused
from engine.seeds import derive

MOST_CALLS = 64
"""Calls of one solve, or of `prepare`: the sandbox's clock does not run while a model works."""
MOST_TOKENS = 16_384


class Turn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A message as a harness writes it."""

    role: Literal["system", "user", "assistant", "tool"] = "user"
    text: str = ""
    calls: Sequence[ToolCall] = ()
    answers: str = ""
    failed: bool = False


class Chat(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The arguments of `ctx.model.chat`."""

    messages: Sequence[Turn | str]
    max_tokens: int = 1024
    temperature: float = 0.0
    top_p: float = 1.0
    stop: Sequence[str] = ()
    choices: Sequence[str] = ()
    schema: dict[str, Any] | None = None
    tools: Sequence[Tool] = ()
    tool_choice: str = ""


class Score(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The arguments of `ctx.model.score`."""

    prompt: str
    continuations: Sequence[str]


class Asked(Protocol):
    """Whoever gives replies: a model's `Caller`, or a policy in training."""

    model: Model

    async def chat(self, at: Position, request: Request) -> Reply:
        """As `Caller.chat`."""
        ...

    async def score(self, at: Position, request: Scoring) -> Scored:
        """As `Caller.score`."""
        ...


class NoModel:
    """The broker of a run without a task model: every call is refused, with the reason."""

    async def call(self, job_key: str | None, op: str, payload: Any, ordinal: int) -> Any:
        """Refuses."""
        raise Refused("this run has no task model and its domain has no tools")


class TaskBroker:
    """Answers the calls of one candidate; `harness` is empty where it is only tried."""

    def __init__(
        self, caller: Asked, seed: int, harness: str, adapter: str | None = None, temperature: float | None = None
    ) -> None:
        self._caller, self._seed, self._harness, self._adapter = caller, seed, harness, adapter
        self._temperature = temperature

    async def call(self, job_key: str | None, op: str, payload: Any, ordinal: int) -> Any:
        """As `Broker.call`."""
        if ordinal >= MOST_CALLS:
            raise Refused(f"a solve may call the model {MOST_CALLS} times at most")
        at = Position("task", job_key or "prepare", ordinal, self._harness)
        try:
            if op == "model.chat":
                return _told(await self._caller.chat(at, self._request(at, _checked(payload, Chat))))
            if op == "model.score":
                asked = _checked(payload, Score)
                weights, seed = self._caller.model.weights, self._seed_of(at)
                scoring = Scoring(weights, asked.prompt, asked.continuations, self._adapter, seed)
                return list((await self._caller.score(at, scoring)).logprobs)
        except Hopeless as error:
            if error.status in A_PERSON_MUST_HELP:
                raise SiaError(str(error), error.remedy) from None
            raise Refused(f"{error}; {error.remedy}") from None
        except Unavailable as error:
            raise StepFailure(t.Failure("infrastructure", str(error))) from None
        raise Refused("its domain has no tools" if op == "tools.call" else "there is no such call")

    def _request(self, at: Position, asked: Chat) -> Request:
        if not 1 <= asked.max_tokens <= MOST_TOKENS:
            raise Refused(f"max_tokens lies between 1 and {MOST_TOKENS}")
        turns = [Turn(text=turn) if isinstance(turn, str) else turn for turn in asked.messages]
        return Request(
            weights=self._caller.model.weights,
            messages=[Message(turn.role, turn.text, turn.calls, turn.answers, turn.failed) for turn in turns],
            adapter=self._adapter,
            tools=asked.tools,
            tool_choice=asked.tool_choice,
            max_tokens=asked.max_tokens,
            temperature=asked.temperature if self._temperature is None else self._temperature,
            top_p=asked.top_p,
            seed=self._seed_of(at),
            stop=asked.stop,
            choices=asked.choices,
            schema=asked.schema,
        )

    def _seed_of(self, at: Position) -> int:
        return derive(self._seed, "model", at.place, at.ordinal)


def broker_for(
    caller: Asked | None, seed: int, harness: str = "", adapter: str | None = None, temperature: float | None = None
) -> Broker:
    """The broker of a candidate, or of a harness that is only tried; a `temperature` overrides that of its calls."""
    return NoModel() if caller is None else TaskBroker(caller, seed, harness, adapter, temperature)


def _checked(payload: Any, kind: Any) -> Any:
    try:
        return msgspec.convert(payload, kind)
    except msgspec.ValidationError as error:
        raise Refused(f"the call is not valid: {error}") from None


def _told(reply: Reply) -> dict[str, Any]:
    """A reply as a harness sees it: plain data."""
    return {
        "text": reply.text,
        "finish": reply.finish,
        "calls": [msgspec.to_builtins(call) for call in reply.calls],
        "usage": {"input": reply.usage.input, "output": reply.usage.output},
    }
