"""The contract between domains and the engine.

A domain may import this module and those beside it (`atomic`, `cache`, `download`, `pip`, `retry`), and nothing else of
ours.

A domain is a folder:

    domain.toml     a `Spec`: name, limits, splits, what counts as an improvement
    task.md         U, the task as the agents and a person read it
    references/     R, optional material for the agents
    harness/        the seed harness A1 (harness.toml, params.toml, agent.py, prompts/)
    domain.py       `load(data) -> Domain`, and `fetch(report) -> Path` where data must be obtained
    given/          optional: what the harness may read, at `ctx.folders["given"]`
    verifier/       optional, for answers that are programs: a harness whose `solve` gets each answer, and whose result
                    is what `grade` receives. It runs in a new sandbox for each answer; verifier/given is at
                    `ctx.folders["given"]` there

`domain.py` runs in a trusted process of its own (the grading process), never in the engine and never in the
sandbox: labels of `val` and `test` do not leave that process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Annotated, Any, Literal, Protocol

import msgspec

Split = Literal["train", "val", "test"]
SPLITS: tuple[Split, ...] = ("train", "val", "test")
Seconds = Annotated[float, msgspec.Meta(gt=0, le=1e9)]
Size = Annotated[int, msgspec.Meta(ge=1, le=1 << 40)]
Count = Annotated[int, msgspec.Meta(ge=0, le=1_000_000_000)]
ScoreSize = Annotated[float, msgspec.Meta(ge=-1e100, le=1e100)]
"""Finite: NaN in `domain.toml` is refused by each of these bounds."""


class Instance(msgspec.Struct, frozen=True):
    """One item of a domain.

    `data` is what `solve` sees: anything MessagePack carries (text, numbers, bytes, lists, maps). `label` is the
    reference answer; it reaches a harness for `train` only. `group` names what instances share that makes them rise and
    fall together (a donor, a document, a template, a source): the gate counts a group as one unit, and no harness sees
    its name. It is in the log, so it must not tell a label. Leave it out where instances are independent.
    `slice` names the kind of an instance (a language, a length, a source): where instances have one, the archive asks
    which candidate is best on which slice, rather than on which instance. No harness sees it, the gate does not use it,
    and it is in the log, too.
    """

    id: str
    data: Any
    label: Any = None
    group: str | msgspec.UnsetType = (
        msgspec.UNSET
    )  # unset, it is in no encoding: digests of instances stay as they were
    slice: str | msgspec.UnsetType = msgspec.UNSET


class Grade(msgspec.Struct, frozen=True):
    """The grade of one answer. Higher scores are better.

    `honest` is the private score, if the domain has one, and `floor` what it must reach; `refused` says why an answer
    does not count at all. A candidate that is refused on an instance, or whose mean `honest` is below the mean `floor`,
    is refused whatever its score; agents learn only that it "failed the private check". `measures` are reported beside
    the score, to the user only. `detail` is for the user, and for agents on `train` only. `disturbed` says what else
    the machine did while the answer was timed, if that may have changed the score: the gate then accepts nothing.
    """

    score: float
    honest: float | None = None
    floor: float | None = None
    refused: str = ""
    detail: str = ""
    measures: Mapping[str, float] = {}
    disturbed: str = ""


class Question(msgspec.Struct, frozen=True):
    """A question to the judge, a language model, about an answer. The reply may be any text."""

    prompt: str
    system: str = ""
    max_tokens: int = 64
    temperature: float = 0.0


class Tool(msgspec.Struct, frozen=True):
    """A tool of a domain, which a harness calls as `ctx.tools.call(name, **arguments)`, or lets its model call.

    `parameters` is the JSON schema of an object. `run(data, **arguments)` returns plain data, the same for equal calls;
    `data` is that of the instance that is being answered. It raises `ToolRefused` with a sentence for whoever calls it.
    A solve may call the tool `calls` times.
    """

    name: str
    description: str
    parameters: Mapping[str, Any]
    run: Callable[..., Any]
    calls: Annotated[int, msgspec.Meta(ge=1, le=64)] = 8


class ToolRefused(Exception):
    """A tool cannot answer this call; the message says why, in one sentence."""


class Graded(msgspec.Struct, frozen=True):
    """An answer and its grade, as `summarise` receives them; `answer` is None if the harness failed."""

    instance: Instance
    answer: Any
    grade: Grade


class Summary(msgspec.Struct, frozen=True):
    """What a domain reports beside the mean score: a macro-average, and subsets by the ids they hold."""

    macro: float | None = None
    subsets: Mapping[str, Sequence[str]] = {}


class Picture(msgspec.Struct, frozen=True):
    """An answer to draw; `name` is its caption."""

    name: str
    instance: str
    answer: Any


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one `solve` (and one `prepare`) may use. Wall seconds only guard against a job that waits."""

    cpu_s: Seconds = 10.0
    wall_s: Seconds = 60.0
    prepare_cpu_s: Seconds = 300.0
    prepare_wall_s: Seconds = 900.0
    memory_mb: Size = 4096
    disk_mb: Size = 256
    processes: Size = 64
    output_kb: Size = 256
    answer_kb: Size = 1024


class Device(msgspec.Struct, frozen=True):
    """The device that kernels run on, with measured ceilings, not the maker's numbers.

    `gflops` is in billions of fp32 operations a second, of a large matrix product; `gbs` in billions of bytes copied a
    second; `peaks` are the `gflops` by dtype (fp32, tf32, bf16, fp16), for those that the device has. `threads` is what
    a kernel on a CPU may use. `driver` is the version of the GPU driver, `software` the versions of libraries. `quiet`
    says that a CPU was measured at least once while others left it alone.
    """

    kind: Literal["cpu", "cuda"]
    name: str
    gflops: float
    gbs: float
    threads: int = 1
    memory_gb: float = 0.0
    driver: str = ""
    peaks: Mapping[str, float] = {}
    software: str = ""
    quiet: bool = False

    def fastest(self) -> float:
        """The highest ceiling of any dtype, in the unit of `gflops`: no kernel is faster."""
        return max([self.gflops, *self.peaks.values()])


class Guest(msgspec.Struct, frozen=True):
    """A program for the kernel runner. `entry`, one of `files`, defines `prepare(ctx)` and `solve(instance, ctx)`.

    `prepare` runs once for all guests with equal `files`, `limits` and `room`, and `solve` in a fork of it. Each room
    is a separate sandbox: put guests that must not affect each other into different rooms. `data` is `instance.data`.
    `solve` takes orders with `ctx.line.order()`, answers each with `ctx.line.reply(value)`, and returns at the order
    None; `ctx.line.memory` has `memory_bytes` bytes, shared with the grader.
    """

    files: Mapping[str, bytes]
    entry: str
    data: Any = None
    room: str = "guest"
    limits: Limits = Limits()
    memory_bytes: int = 1
    gpu: bool = False


class Reply(msgspec.Struct, frozen=True):
    """A guest's reply to an order. `value` is untrusted.

    `wall_s` is measured by the kernel runner, from the order until every process of the guest is stopped.
    """

    value: Any
    wall_s: float


class GuestFailed(Exception):
    """The guest crashed, exceeded a limit or broke the line. The message is one printable line."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class Live(Protocol):
    """A running guest. Between orders it is stopped, so that it cannot compute or change `memory`."""

    memory: memoryview

    def ask(self, order: Any, wall_s: float) -> Reply:
        """Sends an order and waits for the reply, at most `wall_s`; raises `GuestFailed`."""
        ...


class Compared(msgspec.Struct, frozen=True):
    """The times of two programs, measured alternately.

    `ratio` is the median over pairs of `a` divided by `b`; `spread` is the standard error of its logarithm. `disturbed`
    says what others did meanwhile, if that was enough to change the ratio: put it into `Grade.disturbed`.
    """

    a_s: float
    b_s: float
    ratio: float
    spread: float
    disturbed: str = ""


class KernelRunner(Protocol):
    """Executes answers that are programs for a grader: in a sandbox, and timed from outside."""

    def open(self, guest: Guest) -> AbstractContextManager[Live]:
        """Starts a guest, and ends all its processes at the end of the block. Raises `GuestFailed`."""
        ...

    def device(self) -> Device:
        """The device that guests run on, measured at the first call."""
        ...

    def compare(
        self, fresh: Callable[[], None], a: Callable[[], float], b: Callable[[], float], blocks: int
    ) -> Compared:
        """Times `a` and `b`, which return seconds, in ABBA blocks, with `fresh` before each pair.

        `b` is the candidate. What others use of the processors is measured while it stands still. Disturbed blocks are
        repeated, and a quiet machine is waited for, within bounds.
        """
        ...

    def others_on_gpu(self, *, wait: bool) -> str:
        """What others use of the GPU now, at a moment at which no guest uses it: for `Grade.disturbed`.

        Empty if that is not enough to change a time. With `wait`, a quiet GPU is waited for, within bounds.
        """
        ...


class Spec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`domain.toml`.

    `minimum_effect` is the smallest gain in mean score that counts. `noisy` says that equal answers may get different
    grades: the incumbent is then re-evaluated beside each candidate. In each generation `train_sample` instances of
    `train` are executed for the agents to read; `ctx.train()` then excludes them, so that their scores are honest. An
    Improvement tries at most `probes` proposals.
    `reserve` is the share of `train` that no harness learns from and no agent sees: instances for a second look of the
    gate. `model` is the task model of runs that name none.
    A failed instance scores `failure_score`; choose it below the score of any working answer.
    `judged` says that a language model takes part in grading, `tools` that harnesses have tools: see `Domain`.
    `learns = false` keeps `ctx.train()` empty. `isolation = "instance"` gives every instance its own sandbox.
    """

    name: str
    title: str
    metric: str
    minimum_effect: ScoreSize
    train_sample: Count
    probe_fold: Count = 400
    probes: int = 12
    noisy: bool = False
    repeats: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 1
    learns: bool = True
    isolation: Literal["execution", "instance"] = "execution"
    limits: Limits = Limits()
    grade_wall_s: Seconds = 30.0
    model: str = ""
    failure_score: ScoreSize = 0.0
    judged: bool = False
    tools: bool = False
    reserve: Annotated[float, msgspec.Meta(ge=0, lt=1)] = 0.0


class Domain(Protocol):
    """What `domain.load` returns.

    `grade` may take an argument `runner: KernelRunner` to execute the answer; `bench` is its former name. If the spec
    says `judged`, the domain also has `questions(instance, answer) -> Sequence[Question]`, the engine puts them to the
    run's judge, and `grade` takes an argument `replies: Sequence[str]`, one for each. A run records such calls, and
    pays for them, as for any other.

    If the spec says `tools`, the domain also has `tools(train: Sequence[Instance]) -> Sequence[Tool]`. `train` is what
    `ctx.train()` returns, or nothing where only their names are asked for. Tools run in the grading process, which
    knows all labels, so build them from `train` alone; they are not told which instance is answered, nor its label.

    A domain may also have `title() -> str`, which names the task and its data, and `plots(pictures: Sequence[Picture],
    points: Mapping[str, tuple[float, float]], folder: Path)`, which draws into `folder` the answers, and candidates and
    baselines by (score, honest), and returns the names of the files.
    """

    def digest(self) -> str:
        """SHA-256 over the data and the splits: equal digests mean equal instances and labels."""
        ...

    def instances(self, split: Split) -> Sequence[Instance]:
        """All instances of a split with their labels, in a fixed order."""
        ...

    def grade(self, instance: Instance, answer: Any) -> Grade:
        """Grades one answer; an answer of the wrong shape gets a score and raises nothing."""
        ...

    def summarise(self, split: Split, graded: Sequence[Graded]) -> Summary:
        """The report beside the mean score."""
        ...

    def baselines(self, train: Sequence[Instance], on: Sequence[Instance]) -> Mapping[str, Iterable[Any]]:
        """The answers of simple methods by name, trained on `train`, one answer for each instance of `on`.

        A method that takes long may be a generator: then a run says how many answers it has given.
        """
        ...


class DataMissing(Exception):
    """The data is missing. The message says what is missing and what to do, in one sentence."""


class DataRefused(DataMissing):
    """The data is temporarily unavailable: an index or a server is down, overloaded or breaks off.

    A `fetch` that raises this is called again a few times, after growing waits of at least `after_s` seconds, before
    the error is shown. `reason` is the cause in a few words.
    """

    def __init__(self, message: str, reason: str = "", after_s: float = 0.0) -> None:
        super().__init__(message)
        self.reason = reason or message
        self.after_s = after_s


class DataInvalid(Exception):
    """The data is there but invalid (a wrong SHA-256, say)."""


Report = Callable[[str], None]


class DomainModule(Protocol):
    """The module `domain.py`. `fetch` may be absent if no data has to be obtained.

    The optional `fetch_named(data, report)` obtains the set that `--data` names, if it is not a file.
    """

    def load(self, data: Path | None) -> Domain:
        """Opens the data in `data`, or in the user's cache; raises `DataMissing` or `DataInvalid`."""
        ...

    def fetch(self, report: Report) -> Path:
        """Obtains and checks the data, stores it in the user's cache and returns its path.

        Runs in a separate process, which has the network; the grading process has none.
        """
        ...
