"""What an agent sees, what it may do, and what it must answer.

A `View` holds the scores of `val` as a whole and trajectories of `train` only: no agent reads a `val` label or a
score by item, nor anything of the sealed test. What an agent answers is recorded; a replay never requests again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from engine.agents.run_record import RunRecord
from engine.events import types as t
from engine.models.protocol import Abilities, Message, Reply, Tool, ToolCall
from harness_repo.harness import Harness
from harness_repo.tunable import Value


class PastGeneration(msgspec.Struct, frozen=True):
    """A generation that was judged: its score on `val` as a whole, and the gate's words."""

    n: int
    harness: str
    params: dict[str, Value]
    lever: t.Lever | None
    val: t.Score
    accepted: bool
    verdict: str
    weights: str | None = None


class View(msgspec.Struct, frozen=True):
    """All that an agent may know when generation `generation` has been judged.

    `attempt` counts the Improvements of this generation that came to nothing, `improvements` those of the whole run
    so far, however they ended. `declined` are the parameters of candidates to which a person said no. `weights` is the
    incumbent's adapter.
    """

    generation: int
    improvements: int
    attempt: int
    settings: t.Settings
    incumbent: int
    harness: Harness
    past: Sequence[PastGeneration]
    train: Sequence[t.InstanceFinished]
    probes: Sequence[t.ProbeFinished]
    failed: Sequence[str]
    evidence: Sequence[int]
    declined: Sequence[dict[str, Value]] = ()
    weights: str | None = None


class ProbeRequest(msgspec.Struct, frozen=True):
    """A proposal to try on a held-out fold of `train`; `why` is for the reader of the log."""

    ordinal: int
    params: Mapping[str, Value]
    why: str


class Question(msgspec.Struct, frozen=True):
    """What an agent requests its model; `tools` or `schema` says in which form the answer comes."""

    messages: Sequence[Message]
    tools: Sequence[Tool] = ()
    schema: Mapping[str, Any] | None = None
    max_tokens: int = 8192


class Lab(Protocol):
    """Where proposals are tried."""

    async def probe(self, requests: Sequence[ProbeRequest]) -> list[t.ProbeFinished]:
        """Tries `requests` and returns their results in that order, fewer where the budget ends."""
        ...


class ToolResult(msgspec.Struct, frozen=True):
    """What a tool tells the agent that used it; `evaluations` counts instances that were executed for it."""

    text: str
    failed: bool = False
    evaluations: int = 0


class AgentTools(Lab, Protocol):
    """Where an agent works in one step: trials, a language model if the run has one, and the run's own record.

    Replies and results are kept at their `ordinal`: an agent that is asked again after a crash gets them again, and so
    must ask for the same things in the same order.
    """

    @property
    def record(self) -> RunRecord:
        """The run as agents may read it."""
        ...

    @property
    def abilities(self) -> Abilities:
        """What the agents' model can do."""
        ...

    @property
    def has_task_model(self) -> bool:
        """Whether harnesses of this run reach a language model."""
        ...

    @property
    def trainable(self) -> bool:
        """Whether the task model's weights can be trained."""
        ...

    async def ask(self, ordinal: int, prompt: str, question: Question) -> Reply:
        """The agents' model's reply; `prompt` is the SHA-256 of the prompt file."""
        ...

    async def use(self, ordinal: int, call: ToolCall, work: Callable[[], Awaitable[ToolResult]]) -> ToolResult:
        """What the tool `call` gives: from the log, or else what `work` does."""
        ...

    async def smoke(self, harness: Harness) -> ToolResult:
        """Runs `harness` on a handful of `train` in the sandbox; failed where it does not answer all of them."""
        ...


class Proposal(msgspec.Struct, frozen=True):
    """The next candidate's harness. `changed` names what is new in a few words."""

    harness: Harness
    reason: str
    changed: str


class NoProposal(msgspec.Struct, frozen=True):
    """No candidate came of this Improvement."""

    reason: str


class Agent(Protocol):
    """A Feedback-Agent. `name` is how the log calls it."""

    name: str

    async def analyse(self, view: View, tools: AgentTools) -> t.AnalysisFinished:
        """Reads the run and chooses the lever."""
        ...

    async def improve(self, view: View, analysis: t.AnalysisFinished, tools: AgentTools) -> Proposal | NoProposal:
        """Makes the next candidate from the incumbent."""
        ...
