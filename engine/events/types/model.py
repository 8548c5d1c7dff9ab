"""Calls of language models and of tools."""

from __future__ import annotations

from typing import Literal

from engine.events.types.base import Payload, event
from engine.usage import Usage

ModelRole = Literal["meta", "feedback", "task", "judge", "talk"]
"""Whose call it is; `talk`: the run's agent answers a person, between the steps."""


@event("model.called")
class ModelCalled(Payload, frozen=True):
    """A language model replied. `request` and `reply` are blobs; `request` covers weights, adapter and seed.

    The position is (`place`, `ordinal`): for the task agent `SPLIT/INSTANCE/REPEAT` or `prepare`, for an agent its
    step and attempt. Equal requests at equal positions have equal replies in a lineage: the later one is `reused`,
    costs nothing, and counts in a budget of tokens. `harness` is the candidate whose instance asked; none where a
    harness is only tried. `prompt` is the SHA-256 of the agent's prompt. `unpriced`: what it cost is not known, and
    `usd` is 0. `bound`: the server does not tell what it took, and `usage` is the most that the call can have taken.
    """

    role: ModelRole
    weights: str
    place: str
    ordinal: int
    request: str
    reply: str
    finish: str
    usage: Usage = Usage()
    usd: float = 0.0
    latency_s: float = 0.0
    seed: int = 0
    adapter: str | None = None
    harness: str = ""
    prompt: str = ""
    reused: bool = False
    unpriced: bool = False
    bound: bool = False

    def blobs(self) -> list[str]:
        return [self.request, self.reply]

    def withheld(self) -> list[str]:
        return self.blobs()


@event("model.wasted")
class ModelWasted(Payload, frozen=True):
    """A language model sent, and billed, a reply that cannot be used. It counts in the budget and is never reused.

    With `bound` the reply did not say what it took, and `usage` is the most that the call can have taken. Position and
    blobs are those of `model.called`.
    """

    role: ModelRole
    weights: str
    place: str
    ordinal: int
    request: str
    reply: str
    reason: str
    usage: Usage = Usage()
    bound: bool = False
    usd: float = 0.0
    latency_s: float = 0.0
    seed: int = 0
    adapter: str | None = None
    harness: str = ""
    prompt: str = ""
    unpriced: bool = False

    def blobs(self) -> list[str]:
        return [self.request, self.reply]

    def withheld(self) -> list[str]:
        return self.blobs()


@event("model.retried")
class ModelRetried(Payload, frozen=True):
    """A call of a language model failed temporarily; it is retried after `wait_s`."""

    role: ModelRole
    weights: str
    place: str
    ordinal: int
    attempt: int
    wait_s: float
    reason: str
    status: int | None = None


@event("context.compacted")
class ContextCompacted(Payload, frozen=True):
    """A conversation exceeded its model's window and was made shorter, before the call at this position.

    The results of tools among its first `messages` are left out from here on; `results` are newly so, with so many
    `characters`. `reason` is what the model's server said, or what was expected of it.
    """

    role: ModelRole
    place: str
    ordinal: int
    messages: int
    results: int
    characters: int
    reason: str


@event("tool.called")
class ToolCalled(Payload, frozen=True):
    """An agent, or a harness that answers (`task`), used a tool. `arguments` and `result` are blobs.

    `evaluations` counts instances executed for it; `harness` is as in `model.called`.
    """

    role: ModelRole
    place: str
    ordinal: int
    name: str
    arguments: str
    result: str
    failed: bool = False
    evaluations: int = 0
    wall_s: float = 0.0
    harness: str = ""

    def blobs(self) -> list[str]:
        return [self.arguments, self.result]

    def withheld(self) -> list[str]:
        return self.blobs()
