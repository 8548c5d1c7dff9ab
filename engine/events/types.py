"""The events of a run. Everything that a screen, a report or a replay shows is folded from these.

A payload never holds instance text, and for `val` and `test` no label: ids, answers and scores only. Long or
foreign text (logs, harness files, answers) lies in blobs and is named by its SHA-256.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import msgspec

Lever = Literal["harness", "weights"]
Answer = Literal["yes", "no", "edit"]
Approve = Literal["none", "harness", "weights", "all"]
"""Before candidates of which lever a person is asked."""
LeverPolicy = Literal["auto", "harness", "weights", "best-of-n"]
FailureKind = Literal["candidate", "timeout", "resource", "verifier", "model", "infrastructure"]
BLOB = "sha256:"
"""What a stored answer begins with when it lies in a blob."""
StepKind = Literal["baseline", "write", "execute", "analyse", "improve", "test"]
ModelRole = Literal["meta", "feedback", "task", "judge"]


class Payload(msgspec.Struct, frozen=True, omit_defaults=True):
    """Base of every event's payload. `version` rises when the meaning of a stored payload changes."""

    type: ClassVar[str]
    version: ClassVar[int] = 1

    def blobs(self) -> list[str]:
        """The names of the blobs that this payload needs."""
        return []

    def withheld(self) -> list[str]:
        """Those of them that may hold text of instances: an export leaves them out unless it is asked for data."""
        return []


class Failure(msgspec.Struct, frozen=True):
    """Why something came to nothing: whose fault it was, and one line."""

    kind: FailureKind
    message: str


class Score(msgspec.Struct, frozen=True):
    """A mean over `n` units with its standard error."""

    score: float
    se: float
    n: int


class Budget(msgspec.Struct, frozen=True, omit_defaults=True):
    """Hard caps; None is no cap. An evaluation is one instance put to one candidate; tokens are those of all roles."""

    evaluations: int | None = None
    minutes: float | None = None
    usd: float | None = None
    tokens: int | None = None


class Gate(msgspec.Struct, frozen=True):
    """How a candidate is judged: `alpha` for one candidate, `run_alpha` for all candidates of a run together."""

    alpha: float = 0.01
    run_alpha: float = 0.05
    minimum_effect: float = 0.0


class Settings(msgspec.Struct, frozen=True):
    """Everything chosen by the user or the domain that changes what a run decides. No worker count, no clock.

    `model` is the task agent's language model and `agent_model` that of Meta- and Feedback-Agent, each as
    `BACKEND:NAME`, and `judge` the one that grades rest on; empty where there is none. `seed_harness`: the first
    candidate is the domain's, whatever the agent.
    """

    generations: int
    seed: int
    agent: str
    gate: Gate
    budget: Budget = Budget()
    lever: LeverPolicy = "auto"
    probes: int = 12
    probe_fold: int = 400
    train_sample: int = 200
    repeats: int = 1
    noisy: bool = False
    script: str = ""
    approve: Approve = "none"
    agent_model: str = ""
    model: str = ""
    seed_harness: bool = False
    judge: str = ""


class DomainRef(msgspec.Struct, frozen=True):
    """Which task a run is about. `source` is a built-in's name or a folder.

    `code` is the digest of a folder's own files, known without running them; `digest` covers code, data and cut.
    `caution` is what a person should know of its verifier.
    """

    name: str
    source: str
    digest: str
    title: str
    metric: str
    counts: dict[str, int]
    data: str = ""
    code: str = ""
    caution: str = ""


class Candidate(msgspec.Struct, frozen=True):
    """What a generation executes: a harness version (a commit), maybe an adapter, and the lever that made it.

    With `votes` it answers each instance so many times, and the answer given most often is its answer.
    """

    harness: str
    weights: str | None = None
    lever: Lever | None = None
    votes: int = 1


class RunStarted(Payload, frozen=True):
    type: ClassVar[str] = "run.started"
    rules: int
    name: str
    domain: DomainRef
    settings: Settings
    isolation: dict[str, Any] = {}
    versions: dict[str, str] = {}


class RunForked(Payload, frozen=True):
    """A new run that shares its parent's history up to event `at`.

    `settings` replaces the parent's where something was changed. `branch` makes that generation's candidate the
    incumbent, whether the gate had accepted it or not.
    """

    type: ClassVar[str] = "run.forked"
    name: str
    parent: str
    at: int
    settings: Settings | None = None
    branch: int | None = None


class RunPaused(Payload, frozen=True):
    type: ClassVar[str] = "run.paused"
    by: str


class RunResumed(Payload, frozen=True):
    type: ClassVar[str] = "run.resumed"
    versions: dict[str, str] = {}
    isolation: dict[str, Any] = {}
    settings: Settings | None = None


class RunStopped(Payload, frozen=True):
    type: ClassVar[str] = "run.stopped"
    by: str


class RunFinished(Payload, frozen=True):
    type: ClassVar[str] = "run.finished"
    reason: str
    generation: int | None = None


class RunFailed(Payload, frozen=True):
    type: ClassVar[str] = "run.failed"
    failure: Failure
    remedy: str = ""


class RunRenamed(Payload, frozen=True):
    """A person calls the run by another name from here on."""

    type: ClassVar[str] = "run.renamed"
    name: str


class RunNoted(Payload, frozen=True):
    """A remark by a person; nothing follows from it."""

    type: ClassVar[str] = "run.noted"
    text: str


class StepStarted(Payload, frozen=True):
    """A unit of work with effects began. Until its result is in the log it is in doubt."""

    type: ClassVar[str] = "step.started"
    kind: StepKind
    attempt: int


class StepFailed(Payload, frozen=True):
    type: ClassVar[str] = "step.failed"
    kind: StepKind
    attempt: int
    failure: Failure


class StepAbandoned(Payload, frozen=True):
    """A step in doubt is given up and will be done again; `kept` results of it need not be."""

    type: ClassVar[str] = "step.abandoned"
    kind: StepKind
    attempt: int
    reason: str
    kept: int


class BaselineMeasured(Payload, frozen=True):
    """What methods that anyone can run score on `val`, learnt from `train`."""

    type: ClassVar[str] = "baseline.measured"
    scores: dict[str, Score]
    wall_s: float
    private: dict[str, PrivateCheck] = {}


class GenerationStarted(Payload, frozen=True):
    type: ClassVar[str] = "generation.started"
    candidate: Candidate


class GenerationFinished(Payload, frozen=True):
    type: ClassVar[str] = "generation.finished"
    incumbent: int


class HarnessPrepared(Payload, frozen=True):
    """`prepare` ran in a sandbox. `failure` then stands for every instance of the execution."""

    type: ClassVar[str] = "harness.prepared"
    harness: str
    cpu_s: float
    wall_s: float
    failure: Failure | None = None
    log: str = ""

    def blobs(self) -> list[str]:
        return [self.log] if self.log else []

    def withheld(self) -> list[str]:
        return self.blobs()


class InstanceFinished(Payload, frozen=True):
    """One answer and its grade. `prepared` names what the harness had learnt from; `answer` and `log` are blobs."""

    type: ClassVar[str] = "instance.finished"
    harness: str
    split: str
    instance: str
    repeat: int
    seed: int
    prepared: str
    score: float
    answer: str = ""
    weights: str | None = None
    honest: float | None = None
    floor: float | None = None
    refused: str = ""
    detail: str = ""
    measures: dict[str, float] = {}
    failure: Failure | None = None
    cpu_s: float = 0.0
    wall_s: float = 0.0
    log: str = ""
    reused: bool = False

    def blobs(self) -> list[str]:
        answer = self.answer.removeprefix(BLOB)
        return [name for name in (answer if answer != self.answer else "", self.log) if name]

    def withheld(self) -> list[str]:
        return [self.log] if self.log else []


class PrivateCheck(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the private check found on a split: the mean honest score with its floor, and instances refused by reason.

    `passed` is false where an instance is refused or the mean is below the floor. `measures` are means over instances.
    """

    passed: bool
    honest: Score | None = None
    floor: Score | None = None
    refused: dict[str, int] = {}
    measures: dict[str, Score] = {}


class ExecutionFinished(Payload, frozen=True):
    """All instances of a generation have a grade. `digest` covers (split, instance, repeat, answer, score) in order.

    `private` is the private check on `val`, where the domain has one.
    """

    type: ClassVar[str] = "execution.finished"
    scores: dict[str, Score]
    digest: str
    failures: dict[str, int]
    evaluations: int
    reused: int
    wall_s: float
    incumbent: Score | None = None
    private: PrivateCheck | None = None


class GateDecided(Payload, frozen=True):
    """The verdict on a candidate: paired over the same (instance, repeat) units of `val` with the same seeds."""

    type: ClassVar[str] = "gate.decided"
    accepted: bool
    reason: str
    test: str
    n: int
    difference: float = 0.0
    se: float = 0.0
    p: float = 1.0
    alpha: float = 0.0
    minimum_effect: float = 0.0
    against: int | None = None
    fixed: list[str] = []
    broken: list[str] = []


class AnalysisFinished(Payload, frozen=True):
    """What an agent found, and the lever it pulls; for the weights `algorithm` and, in `recipe`, what it sets of it."""

    type: ClassVar[str] = "analysis.finished"
    findings: str
    lever: Lever
    reason: str
    evidence: list[int] = []
    expected_gain: float | None = None
    algorithm: str = ""
    cost_estimate: str = ""
    wall_s: float = 0.0
    recipe: dict[str, bool | int | float | str] = {}


class ProbeFinished(Payload, frozen=True):
    """A proposal tried on a held-out fold of `train`. `params` are all its values; `items` is a blob.

    `key` names all that the result depends on; a run of the lineage that asks for the same is given it (`reused`).
    `refused` says that it failed the private check.
    """

    type: ClassVar[str] = "probe.finished"
    generation: int
    attempt: int
    ordinal: int
    why: str
    params: dict[str, bool | int | float | str]
    fold: str
    score: Score
    evaluations: int
    cpu_s: float
    wall_s: float
    key: str
    items: str = ""
    failure: Failure | None = None
    reused: bool = False
    refused: bool = False
    weights: str | None = None

    def blobs(self) -> list[str]:
        return [self.items]


class Usage(msgspec.Struct, frozen=True, omit_defaults=True):
    """Tokens of one call as the backend counts them. `input` leaves out what its prompt cache held or took in."""

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0

    @property
    def total(self) -> int:
        """All tokens of the call."""
        return self.input + self.output + self.cache_read + self.cache_write


class ModelCalled(Payload, frozen=True):
    """A language model has answered. `request` and `reply` are blobs; `request` covers weights, adapter and seed.

    The position is (`place`, `ordinal`): for the task agent `SPLIT/INSTANCE/REPEAT` or `prepare`, for an agent its
    step and attempt. Equal requests at equal positions have equal replies in a lineage: the later one is `reused`,
    costs nothing, and counts in a budget of tokens. `harness` is the candidate whose instance asked; none where a
    harness is only tried. `prompt` is the SHA-256 of the agent's prompt.
    """

    type: ClassVar[str] = "model.called"
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

    def blobs(self) -> list[str]:
        return [self.request, self.reply]

    def withheld(self) -> list[str]:
        return self.blobs()


class ModelRetried(Payload, frozen=True):
    """A call to a language model failed in a way that may pass; it is made again after `wait_s`."""

    type: ClassVar[str] = "model.retried"
    role: ModelRole
    weights: str
    place: str
    ordinal: int
    attempt: int
    wait_s: float
    reason: str
    status: int | None = None


class ToolCalled(Payload, frozen=True):
    """An agent has used a tool. `arguments` and `result` are blobs; `evaluations` counts instances that it executed."""

    type: ClassVar[str] = "tool.called"
    role: ModelRole
    place: str
    ordinal: int
    name: str
    arguments: str
    result: str
    failed: bool = False
    evaluations: int = 0
    wall_s: float = 0.0

    def blobs(self) -> list[str]:
        return [self.arguments, self.result]

    def withheld(self) -> list[str]:
        return self.blobs()


class HarnessWritten(Payload, frozen=True):
    """A version came to be. The commit id follows from everything else here and from the files."""

    type: ClassVar[str] = "harness.written"
    number: int
    commit: str
    tree: str
    parents: list[str]
    files: dict[str, str]
    author: str
    reason: str
    lever: Lever | None = None
    changed: str = ""

    def blobs(self) -> list[str]:
        return list(self.files.values())


class ImprovementFailed(Payload, frozen=True):
    type: ClassVar[str] = "improvement.failed"
    reason: str


class ApprovalAsked(Payload, frozen=True):
    """A candidate waits for a person's word before it is executed."""

    type: ClassVar[str] = "approval.asked"
    number: int
    commit: str


class ApprovalGiven(Payload, frozen=True):
    """A person's word. After `edit` follows the `harness.written` of what the person made of the candidate."""

    type: ClassVar[str] = "approval.given"
    number: int
    commit: str
    answer: Answer
    by: str
    reason: str = ""


class TrainingProgress(Payload, frozen=True):
    """What a weights step reports as it goes, at most once a second: values by name at a step of training.

    `step` counts these reports. `evaluations` are the rollouts since the last one: executions of train instances.
    """

    type: ClassVar[str] = "training.progress"
    step: int
    values: dict[str, float]
    round: int = 0
    evaluations: int = 0


class TrainingCheckpointed(Payload, frozen=True):
    """A round of training is done, and can be gone on from: `state` is the digest of the folder that holds it.

    `key` names all that the training depends on, `policy` the adapter's tensors now. `samples` is a blob: the rollouts
    as [instance, sample, reward, answer, calls]. `rewards` counts them in ten equal bins from the least to the most,
    `measures` has what the trainer measured, `usage` the tokens of the rollouts.
    """

    type: ClassVar[str] = "training.checkpointed"
    key: str
    round: int
    state: str
    policy: str
    samples: str
    measures: dict[str, float]
    rewards: list[int] = []
    usage: Usage = Usage()

    def blobs(self) -> list[str]:
        return [self.samples]

    def withheld(self) -> list[str]:
        return self.blobs()


class WeightsTrained(Payload, frozen=True):
    """A new adapter, and with the incumbent's harness a new candidate.

    `adapter` is its id, `base` the weights that it belongs to, `parent` the adapter that training began from. `recipe`
    is complete; `key` names all that the training depends on, and a run of the lineage that asks for the same is given
    the adapter (`reused`). `ended` says why it ended, `collapse` what went wrong, if something did.
    """

    type: ClassVar[str] = "weights.trained"
    number: int
    harness: str
    adapter: str
    base: str
    algorithm: str
    recipe: dict[str, Any]
    key: str
    rounds: int
    ended: str
    author: str
    reason: str
    parent: str | None = None
    collapse: str = ""
    measures: dict[str, float] = {}
    facts: dict[str, Any] = {}
    evaluations: int = 0
    cpu_s: float = 0.0
    wall_s: float = 0.0
    reused: bool = False


class BudgetWarned(Payload, frozen=True):
    type: ClassVar[str] = "budget.warned"
    resource: str
    share: float
    spent: float
    cap: float


class BudgetExhausted(Payload, frozen=True):
    type: ClassVar[str] = "budget.exhausted"
    resource: str
    spent: float
    cap: float
    reason: str


class Subset(msgspec.Struct, frozen=True):
    """A score over a named part of a split."""

    name: str
    score: float
    se: float
    n: int


class TestUnsealed(Payload, frozen=True):
    """The sealed split was read. `answers` names a blob of (instance, score, answer) rows."""

    type: ClassVar[str] = "test.unsealed"
    harness: str
    score: Score
    macro: float | None
    subsets: list[Subset]
    baselines: dict[str, Score]
    failures: dict[str, int]
    answers: str
    weights: str | None = None
    unsealed_before: int = 0
    private: PrivateCheck | None = None
    private_of_baselines: dict[str, PrivateCheck] = {}

    def blobs(self) -> list[str]:
        return [self.answers]


PAYLOADS: dict[str, type[Payload]] = {
    kind.type: kind
    for kind in (
        RunStarted,
        RunForked,
        RunPaused,
        RunResumed,
        RunStopped,
        RunFinished,
        RunFailed,
        RunRenamed,
        RunNoted,
        StepStarted,
        StepFailed,
        StepAbandoned,
        BaselineMeasured,
        GenerationStarted,
        GenerationFinished,
        HarnessPrepared,
        InstanceFinished,
        ExecutionFinished,
        GateDecided,
        AnalysisFinished,
        ProbeFinished,
        ModelCalled,
        ModelRetried,
        ToolCalled,
        HarnessWritten,
        ImprovementFailed,
        ApprovalAsked,
        ApprovalGiven,
        TrainingProgress,
        TrainingCheckpointed,
        WeightsTrained,
        BudgetWarned,
        BudgetExhausted,
        TestUnsealed,
    )
}
