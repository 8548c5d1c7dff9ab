"""What a domain promises the engine. This is the only module of ours that a domain may import.

A domain is a folder:

    domain.toml     a `Spec`: name, limits, splits, what counts as an improvement
    task.md         U, the task as the agents and a person read it
    references/     R, optional material for the agents
    harness/        the seed harness A1 (harness.toml, params.toml, agent.py, prompts/)
    domain.py       `load(data) -> Domain`, and `fetch(report) -> Path` where data must be obtained
    given/          optional: what the harness may read, at `ctx.folders["given"]`
    verifier/       optional: a harness of the domain's own whose `solve` is given each answer, and whose result is what
                    `grade` judges: for answers that are programs. Each answer has a sandbox of its own; what lies in
                    verifier/given is at `ctx.folders["given"]` there

`domain.py` runs in a trusted process of its own (the grading process), never in the engine and never in the
sandbox: labels of `val` and `test` do not leave that process.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Literal, Protocol

import msgspec

Split = Literal["train", "val", "test"]
SPLITS: tuple[Split, ...] = ("train", "val", "test")


class Instance(msgspec.Struct, frozen=True):
    """One item of a domain.

    `data` is what `solve` sees: anything MessagePack carries (text, numbers, bytes, lists, maps). `label` is the
    reference answer; it reaches a harness for `train` only.
    """

    id: str
    data: Any
    label: Any = None


class Grade(msgspec.Struct, frozen=True):
    """The verdict on one answer. Higher scores are better.

    `honest` is the private score where the domain has one, `floor` what it must reach; `refused` says why an answer
    does not count at all. A candidate that is refused on an instance, or whose mean `honest` is below the mean `floor`,
    is refused whatever its score; agents learn only that it "failed the private check". `measures` are reported beside
    the score, to the person. `detail` is for the person, and for agents on `train` only.
    """

    score: float
    honest: float | None = None
    floor: float | None = None
    refused: str = ""
    detail: str = ""
    measures: Mapping[str, float] = {}


class Question(msgspec.Struct, frozen=True):
    """What a judge, a language model, is asked about an answer. The reply is text, and may be any."""

    prompt: str
    system: str = ""
    max_tokens: int = 64
    temperature: float = 0.0


class Graded(msgspec.Struct, frozen=True):
    """An answer beside its grade, as `summarise` receives it; `answer` is None where the harness failed."""

    instance: Instance
    answer: Any
    grade: Grade


class Summary(msgspec.Struct, frozen=True):
    """What a domain reports beside the mean score: a macro-average, and subsets by the ids they hold."""

    macro: float | None = None
    subsets: Mapping[str, Sequence[str]] = {}


class Picture(msgspec.Struct, frozen=True):
    """An answer to be drawn: `name` says whose it is."""

    name: str
    instance: str
    answer: Any


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one `solve` (and one `prepare`) may use. CPU seconds judge; wall seconds only guard against waiting."""

    cpu_s: float = 10.0
    wall_s: float = 60.0
    prepare_cpu_s: float = 300.0
    prepare_wall_s: float = 900.0
    memory_mb: int = 4096
    disk_mb: int = 256
    processes: int = 64
    output_kb: int = 256
    answer_kb: int = 1024


class Device(msgspec.Struct, frozen=True):
    """What kernels run on, and what it reaches at most, as measured: a ceiling, not the maker's number.

    `gflops` are billions of fp32 operations a second of a large matrix product, `gbs` billions of bytes a second that
    are copied; `peaks` are those of the product by dtype (fp32, tf32, bf16, fp16), where the device has it. `threads`
    are those that a kernel on a CPU may use. `driver` is the version of a GPU's driver, `software` those of libraries.
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

    def fastest(self) -> float:
        """The highest ceiling of any dtype, in the unit of `gflops`: what no kernel overtakes."""
        return max([self.gflops, *self.peaks.values()])


class Guest(msgspec.Struct, frozen=True):
    """A program for the kernel runner. `entry`, one of `files`, defines `prepare(ctx)` and `solve(instance, ctx)`.

    `prepare` runs once for all guests with equal `files`, `limits` and `room`, and `solve` in a fork of it; what must
    not be able to disturb each other is put into different rooms, which are sandboxes of their own. `data` is
    `instance.data`. `solve` takes orders with `ctx.line.order()`, answers each by `ctx.line.reply(value)`, and returns
    at the order None; `ctx.line.memory` are the `memory_bytes` that it shares with the grader.
    """

    files: Mapping[str, bytes]
    entry: str
    data: Any = None
    room: str = "guest"
    limits: Limits = Limits()
    memory_bytes: int = 1
    gpu: bool = False


class Reply(msgspec.Struct, frozen=True):
    """What a guest says to an order, to be believed in nothing.

    `wall_s` is taken by the kernel runner: from the order until every process of the guest stands still.
    """

    value: Any
    wall_s: float


class GuestFailed(Exception):
    """The guest has crashed, overstepped a limit or broken the line. The message is one printable line."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class Live(Protocol):
    """A guest that runs. Between orders it is stopped: it computes nothing, and `memory` does not change."""

    memory: memoryview

    def ask(self, order: Any, wall_s: float) -> Reply:
        """Gives an order and waits for the reply, at most `wall_s`; raises `GuestFailed`."""
        ...


class Compared(msgspec.Struct, frozen=True):
    """Two programs timed in turns.

    `ratio` is the median of their times pair by pair, `a` over `b`; `spread` is its standard error in logarithms.
    """

    a_s: float
    b_s: float
    ratio: float
    spread: float


class KernelRunner(Protocol):
    """A grader's way to execute what a harness has answered: contained, and timed from outside."""

    def open(self, guest: Guest) -> AbstractContextManager[Live]:
        """Starts a guest; everything of it is gone at the end. Raises `GuestFailed`."""
        ...

    def device(self) -> Device:
        """What guests run on, measured when first asked."""
        ...

    def compare(
        self, fresh: Callable[[], None], a: Callable[[], float], b: Callable[[], float], blocks: int
    ) -> Compared:
        """Times `a` and `b`, which return seconds, in ABBA blocks, with `fresh` before each pair."""
        ...


class Spec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`domain.toml`.

    `minimum_effect` is the smallest gain in mean score that counts. `noisy` says that equal answers may be graded
    differently: the incumbent is then re-evaluated beside each candidate. `train_sample` instances of `train` are
    executed each generation for the agents to read; they are kept out of `ctx.train()` then, so that their scores
    are honest. An Improvement tries `probes` proposals at most.
    `model` names the task model of runs that name none themselves.
    An instance that failed scores `failure_score`; choose it below what works.
    `judged` says that a language model has a say in grades: see `Domain`.
    `learns = false` keeps `ctx.train()` empty: every instance stands alone. `isolation = "instance"` gives every
    instance a sandbox of its own.
    """

    name: str
    title: str
    metric: str
    minimum_effect: float
    train_sample: int
    probe_fold: int = 400
    probes: int = 12
    noisy: bool = False
    repeats: int = 1
    learns: bool = True
    isolation: Literal["execution", "instance"] = "execution"
    limits: Limits = Limits()
    grade_wall_s: float = 30.0
    model: str = ""
    failure_score: float = 0.0
    judged: bool = False


class Domain(Protocol):
    """What `domain.load` returns.

    `grade` may take an argument `runner: KernelRunner` to execute the answer; `bench` is its former name. If the spec
    says `judged`, the domain also has `questions(instance, answer) -> Sequence[Question]`, the engine puts them to the
    run's judge, and `grade` takes an argument `replies: Sequence[str]`, one for each. A run records such calls, and
    pays for them, as for any other.

    A domain may also have `title() -> str`, which names the task and its data, and `plots(pictures: Sequence[Picture],
    points: Mapping[str, tuple[float, float]], folder: Path)`, which draws into `folder` the answers, and candidates and
    baselines by (score, honest), and returns the names of the files.
    """

    def digest(self) -> str:
        """SHA-256 over the data and the cut into splits: equal digests mean the same instances and labels."""
        ...

    def instances(self, split: Split) -> Sequence[Instance]:
        """All instances of a split with their labels, in a fixed order."""
        ...

    def grade(self, instance: Instance, answer: Any) -> Grade:
        """Judges one answer; an answer of the wrong shape is a score, not an exception."""
        ...

    def summarise(self, split: Split, graded: Sequence[Graded]) -> Summary:
        """The report beside the mean score."""
        ...

    def baselines(self, train: Sequence[Instance], on: Sequence[Instance]) -> Mapping[str, Sequence[Any]]:
        """By name, the answers of methods that anyone can run, learnt from `train`, one for each of `on`."""
        ...


class DataMissing(Exception):
    """The data is not there. The message says what is missing and what to do, in one sentence."""


class DataRefused(DataMissing):
    """The data is refused for now: an index or a server that is away, overloaded or breaks off.

    Raised by a `fetch`, which is then called again a few times, after growing waits and after `after_s` seconds at the
    least, before anybody is told. `reason` is what goes wrong, in a few words.
    """

    def __init__(self, message: str, reason: str = "", after_s: float = 0.0) -> None:
        super().__init__(message)
        self.reason = reason or message
        self.after_s = after_s


class DataInvalid(Exception):
    """The data is there but is not what it should be (a wrong SHA-256, say)."""


Report = Callable[[str], None]


class DomainModule(Protocol):
    """The module `domain.py`. `fetch` may be absent where nothing has to be obtained.

    `fetch_named(data, report)`, if it is there, obtains what `--data` names where no such file exists.
    """

    def load(self, data: Path | None) -> Domain:
        """Opens the data in `data`, or in the user's cache; raises `DataMissing` or `DataInvalid`."""
        ...

    def fetch(self, report: Report) -> Path:
        """Obtains and checks the data, keeps it in the user's cache and returns where it is.

        It has the network, which nothing else of a domain has: it is called in a process that does nothing else.
        """
        ...
