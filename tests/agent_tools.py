"""Agent tools without a run: a model that plays a list of replies, a record made by hand, and fake trials."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import msgspec

from domains.contract import Instance
from engine.agents.protocol import (
    Attend,
    Cases,
    Errand,
    Left,
    PastGeneration,
    ProbeRequest,
    Question,
    Surroundings,
    TaskModel,
    ToolResult,
    Tree,
    View,
)
from engine.agents.run_record import Candidate, Exchange
from engine.events import types as t
from engine.models.protocol import Abilities, Reply, ToolCall
from engine.usage import Usage
from harness_repo.harness import Harness, parse
from tests.histories import settings

FILES = {
    "harness.toml": b'name = "toy"\n[tunables.method]\ntype = "choice"\nchoices = ["guess", "rule"]\n',
    "params.toml": b'method = "guess"\n',
    "agent.py": b"def solve(instance, ctx):\n    return 0\n",
}
HARNESS = parse(FILES)


class FakeRecord:
    """Two candidates on four cases of train."""

    task = "Give the last digit of seven times x."
    references: Mapping[str, str] = {"tables.md": "7 14 21 28 " * 200}
    train: Mapping[str, Instance] = {f"train-{x}": Instance(f"train-{x}", x, 7 * x % 10) for x in range(4)}

    def candidates(self) -> Sequence[Candidate]:
        return [Candidate(1, "the seed", "all"), Candidate(2, "use the rule", "method")]

    def files(self, n: int) -> Mapping[str, bytes] | None:
        return {1: FILES, 2: {**FILES, "params.toml": b'method = "rule"\n\n', "notes.md": b"2"}}.get(n)

    def declined(self) -> Sequence[Mapping[str, bytes]]:
        return [{**FILES, "notes.md": b"declined"}]

    def train_results(self, n: int) -> Sequence[t.InstanceFinished]:
        if n not in (1, 2):
            return []
        return [_result(x, n) for x in range(4)]

    def log(self, result: t.InstanceFinished) -> str:
        return f"log of {result.instance}"

    def events(self, n: int, instance: str | None) -> Sequence[int]:
        return [10 * n] if n in (1, 2) and (instance is None or instance in self.train) else []

    def exchanges(self, n: int, result: t.InstanceFinished) -> Sequence[Exchange]:
        return [Exchange("[user] what is it?", "seven")]


def _result(x: int, n: int) -> t.InstanceFinished:
    failure = t.Failure("candidate", "ValueError: three") if x == 3 and n == 1 else None
    score = float(n == 2 or x == 0) if failure is None else 0.0
    answer = "" if failure else str(7 * x % 10 if n == 2 else 0)
    return t.InstanceFinished("h", "train", f"train-{x}", 0, 1, "p", score, answer, failure=failure)


class FakeTools:
    """Plays `replies` in order, and remembers what was asked."""

    trainable = False
    has_task_model = True
    tokens = 100_000
    evaluations = 0
    has_sandbox = True
    surroundings = Surroundings(model=TaskModel("a-model", ["choices"], 200_000, 3.0, 15.0))

    def __init__(
        self,
        *replies: Reply,
        abilities: Abilities | None = None,
        breaks: Sequence[str] = (),
        left: Sequence[Left] = (),
        asks: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        self.record = FakeRecord()
        self.abilities = abilities or Abilities()
        self.replies = list(replies)
        self.questions: list[Question] = []
        self.used: list[tuple[int, str]] = []
        self.tried: list[Harness] = []
        self.ran: list[str] = []
        self.probed: list[tuple[int, Harness, Cases, str]] = []
        self.breaks = list(breaks)
        self.left, self.asks = list(left), list(asks)
        self.errands: list[Errand] = []
        self.told: list[ToolResult] = []

    async def ask(self, ordinal: int, prompt: str, question: Question) -> Reply:
        assert ordinal == len(self.questions), "in order, from 0"
        self.questions.append(question)
        return self.replies.pop(0)

    async def use(self, ordinal: int, call: ToolCall, work: Callable[[], Awaitable[ToolResult]]) -> ToolResult:
        self.used.append((ordinal, call.name))
        return await work()

    async def send(self, ordinal: int, errand: Errand, attend: Attend) -> Left:
        """Leaves what was planned; each errand asks for the tries in `asks`."""
        assert ordinal == len(self.errands), "in order, from 0"
        self.errands.append(errand)
        left = self.left.pop(0)
        for asked in self.asks:
            self.told.append(await attend(left.files, msgspec.json.encode(asked)))
        return left

    async def smoke(self, harness: Harness) -> ToolResult:
        self.tried.append(harness)
        return ToolResult(self.breaks.pop(0), failed=True) if self.breaks else ToolResult("train-0: answer 0, score 1")

    async def run_python(self, tree: Tree, code: str) -> ToolResult:
        self.ran.append(code)
        return ToolResult(f"{len(tree)} files")

    async def try_out(self, ordinal: int, harness: Harness, cases: Cases, why: str) -> ToolResult:
        self.probed.append((ordinal, harness, cases, why))
        return ToolResult("on 20 of train: mean score 0.9")

    async def probe(self, requests: Sequence[ProbeRequest]) -> list[t.ProbeFinished]:
        raise AssertionError("a language model does not probe")


def calls(*used: tuple[str, Mapping[str, Any]]) -> Reply:
    """A reply that calls tools."""
    made = [ToolCall(f"c{place}", name, dict(arguments)) for place, (name, arguments) in enumerate(used)]
    return Reply("", "tools", Usage(), calls=made)


def says(text: str) -> Reply:
    """A reply in words alone."""
    return Reply(text, "stop", Usage())


def chooses(name: str, arguments: Mapping[str, Any]) -> Reply:
    """A reply under a grammar."""
    return says(msgspec.json.encode({"tool": name, "arguments": arguments}).decode())


def view(**changes: Any) -> View:
    """What an agent sees after two generations."""
    past = [
        PastGeneration(1, "h1", {}, None, "about 0.2", accepted=True, verdict="the first candidate"),
        PastGeneration(2, "h2", {}, "harness", "", accepted=False, verdict="rejected: not shown to be better"),
    ]
    known: dict[str, Any] = {
        "generation": 2, "improvements": 1, "attempt": 0, "settings": settings(), "incumbent": 1, "harness": HARNESS,
        "past": past, "train": [], "probes": [], "failed": [], "evidence": [5],
    }  # fmt: skip
    return View(**known | changes)
