"""The protocol of agents: what they see, the tools they have, and what they return.

A `View` holds trajectories of `train`, and of `val` the verdicts and the rounded scores of accepted candidates: no
agent reads a `val` label or the score of a single `val` instance, nor anything of the sealed test. An agent's answers
are recorded; a replay does not ask again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import msgspec

from domains.contract import Limits
from engine.agents.run_record import RunRecord
from engine.events import types as t
from engine.models.protocol import Abilities, Message, Reply, Tool, ToolCall
from harness_repo.harness import Harness
from harness_repo.tunable import Value

MAX_TOKENS = 8192
"""The longest reply of an agent: a cap on dollars must hold it."""
MOST_TUNED = 64
"""Values that are tried for one candidate whose agent asks for that."""


Tree = Mapping[str, Callable[[], bytes]]
"""Files by path, each with what makes its content."""


class InvalidCall(Exception):
    """A decision or a call of a tool that cannot be; the message is for the agent."""


class PastGeneration(msgspec.Struct, frozen=True):
    """A judged generation: its score on `val` and the gate's verdict, in words, as far as agents are told of them.

    `val` is empty where its score is not told: that of a rejected candidate. `refused`: it failed the private check.
    `program` is the meaning of a program whose structure may change (`harness_repo.structure`).
    """

    n: int
    harness: str
    params: dict[str, Value]
    lever: t.Lever | None
    val: str
    accepted: bool
    verdict: str
    weights: str | None = None
    refused: bool = False
    program: str = ""


class View(msgspec.Struct, frozen=True):
    """All that an agent may know after generation `generation` has been judged.

    `attempt` counts the Improvements of this generation that found no candidate, `improvements` all Improvements of the
    run so far. `declined` are the parameters of candidates that a person declined, `declined_programs` the meanings of
    their programs where the structure may change. `weights` is the incumbent's adapter. `known` are values of earlier
    runs, with their scores there. `hints` are a person's words, the newest last; `notebook` is what earlier Analyses of
    the run wrote down.
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
    declined_programs: Sequence[str] = ()
    weights: str | None = None
    hints: Sequence[t.RunHinted] = ()
    notebook: str = ""
    known: Sequence[t.Known] = ()


class ProbeRequest(msgspec.Struct, frozen=True):
    """A proposal to try on a held-out fold of `train`; `why` explains it in the log.

    `smoke`: it may well be broken, and ends at the first answer that fails.
    """

    ordinal: int
    params: Mapping[str, Value]
    why: str
    smoke: bool = False


class Question(msgspec.Struct, frozen=True):
    """A question of an agent to its model; `tools` or `schema` sets the form of the answer."""

    messages: Sequence[Message]
    tools: Sequence[Tool] = ()
    schema: Mapping[str, Any] | None = None
    max_tokens: int = MAX_TOKENS


class Cases(msgspec.Struct, frozen=True):
    """What a harness is tried on: so many cases of `train`, those named, or all of them, out of fold."""

    count: int = 20
    named: Sequence[str] = ()
    out_of_fold: bool = False


class TaskModel(msgspec.Struct, frozen=True):
    """The model behind `ctx.model`: what it `can` beside text (choices, schema, score, tools), its window in tokens (0:
    not known), and US dollars for a million tokens of prompts and of replies (None: not known)."""

    name: str
    can: Sequence[str] = ()
    window: int = 0
    usd_in: float | None = None
    usd_out: float | None = None


class Surroundings(msgspec.Struct, frozen=True):
    """How harnesses run: limits, packages that they may import, folders that they may read, their model, if any, and
    what the tools in `ctx.tools` are."""

    limits: Limits = Limits()
    packages: Sequence[str] = ()
    learns: bool = True
    folders: Sequence[str] = ()
    model: TaskModel | None = None
    tools: Sequence[str] = ()


class Lab(Protocol):
    """Tries proposals."""

    async def probe(self, requests: Sequence[ProbeRequest]) -> list[t.ProbeFinished]:
        """The results of `requests`, in that order; fewer if the budget runs out."""
        ...

    async def scores(self, probe: t.ProbeFinished) -> Mapping[str, float]:
        """Its mean score on each slice or, where the domain names none, instance; empty where that is not known."""
        ...


class ToolResult(msgspec.Struct, frozen=True):
    """The result of a tool call; `evaluations` counts the instances that it executed."""

    text: str
    failed: bool = False
    evaluations: int = 0


class Errand(msgspec.Struct, frozen=True):
    """What a client of the user's is sent to do in a folder: `tree` lies there to be read, `files` is `harness/`.

    `notes` is NOTES.md and `decision` DECISION.json as they are when it begins.
    """

    prompt: str
    tree: Tree
    files: Mapping[str, bytes]
    notes: str = ""
    decision: bytes = b""


class Left(msgspec.Struct, frozen=True):
    """What a client has left in its folder; `failure` is why it did not end well by itself, if so."""

    files: Mapping[str, bytes]
    decision: bytes
    notes: str
    failure: t.Failure | None = None


Attend = Callable[[Mapping[str, bytes], bytes], Awaitable[ToolResult]]
"""Answers a try of the client's, given the files of `harness/` at that moment and its arguments as JSON."""


class AgentTools(Lab, Protocol):
    """What an agent can use in one step: probes, a language model if the run has one, and the run's record.

    Replies and results are recorded by `ordinal`. After a crash the agent runs again and gets the recorded ones, so it
    must make the same calls in the same order.
    """

    @property
    def record(self) -> RunRecord:
        """The part of the run that agents may read."""
        ...

    @property
    def abilities(self) -> Abilities:
        """What the agent's model supports."""
        ...

    @property
    def has_task_model(self) -> bool:
        """Whether harnesses of this run have a language model."""
        ...

    @property
    def surroundings(self) -> Surroundings:
        """How harnesses of this run are executed."""
        ...

    @property
    def trainable(self) -> bool:
        """Whether the task model's weights can be trained."""
        ...

    async def ask(self, ordinal: int, prompt: str, question: Question) -> Reply:
        """The reply of the agent's model; `prompt` is the SHA-256 of the prompt file."""
        ...

    async def use(self, ordinal: int, call: ToolCall, work: Callable[[], Awaitable[ToolResult]]) -> ToolResult:
        """The result of the tool `call`: from the log if it is recorded there, else from `work`."""
        ...

    @property
    def tokens(self) -> int:
        """How many tokens this conversation may take for reading and trying."""
        ...

    @property
    def has_sandbox(self) -> bool:
        """Whether `run_python` is there."""
        ...

    async def run_python(self, tree: Tree, code: str) -> ToolResult:
        """The output of `code`, run in the sandbox in a read-only folder with the files of `tree`."""
        ...

    @property
    def evaluations(self) -> int:
        """How many evaluations this conversation may take for tries; 0 where it may not try."""
        ...

    async def try_out(self, ordinal: int, harness: Harness, cases: Cases, why: str) -> ToolResult:
        """Runs `harness` on cases of `train` that it does not learn from, beside the best candidate.

        Each is a probe in the log, and counts in the budget; the result says why where that does not allow it.
        """
        ...

    async def send(self, ordinal: int, errand: Errand, attend: Attend) -> Left:
        """What the user's client has left of an errand, from the log if it is recorded there; `attend` answers tries.

        Raises `SiaError` if the user must act, `StepFailure` if a later retry may succeed.
        """
        ...

    async def smoke(self, harness: Harness) -> ToolResult:
        """Runs `harness` on a few instances of `train` in the sandbox; failed unless it answers all of them."""
        ...


class Proposal(msgspec.Struct, frozen=True):
    """The next candidate's harness. `changed` summarizes the change in a few words.

    `tune` is how many values of the harness's tunables are tried on a fold of `train` first. `alternative`: it is
    another proposal than the one that the Analysis decided on.
    """

    harness: Harness
    reason: str
    changed: str
    tune: int = 0
    alternative: bool = False


class NoProposal(msgspec.Struct, frozen=True):
    """This Improvement found no candidate."""

    reason: str


class Agent(Protocol):
    """A Feedback-Agent. `name` is its name in the log."""

    name: str

    async def analyse(self, view: View, tools: AgentTools) -> t.AnalysisFinished:
        """Reads the run and chooses the lever."""
        ...

    async def improve(self, view: View, analysis: t.AnalysisFinished, tools: AgentTools) -> Proposal | NoProposal:
        """Makes the next candidate from the incumbent."""
        ...


@runtime_checkable
class Author(Protocol):
    """An agent that writes the first harness, too."""

    async def write(self, attempts: Sequence[AgentTools]) -> Proposal | NoProposal:
        """A harness that answered a few training cases in the sandbox, or the reason why there is none.

        `attempts` are the tools of each attempt so far, the last one now.
        """
        ...


@runtime_checkable
class Alternatives(Protocol):
    """An agent that can make several proposals for one candidate."""

    async def alternative(self, view: View, made: Sequence[Proposal], tools: AgentTools) -> Proposal | NoProposal:
        """A proposal that takes another approach than those in `made`."""
        ...
