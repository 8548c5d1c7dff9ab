"""A world: a task, what its model says and its agent proposes, and the settings of its run. All of it a function of
one number, so that a history with faults can be compared with a calm one, and every score with the one that is due."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from domains.contract import Grade, Instance, Spec, Split, Summary
from engine.agents.protocol import AgentTools, NoProposal, ProbeRequest, Proposal, Question, ToolResult, View
from engine.core.decide import RULES
from engine.events import types as t
from engine.grading.loader import Folder
from engine.grading.reserve import Part
from engine.grading.toolbox import ToolFacts
from engine.models.protocol import Message, Reply, Request, ToolCall
from engine.seeds import derive
from engine.usage import Usage

PLAIN, TWO_LOOKS, COUNT = 48, 60, 72
"""The worlds from number `PLAIN` on have a reserve: for a second look, and from `TWO_LOOKS` on for fresh vals."""
SIZES: dict[Part, int] = {"train": 4, "val": 6, "test": 2, "reserve": 6}
MANIFEST = b'name = "simulated"\n[tunables.skill]\ntype = "int"\nlow = 0\nhigh = 1000\n'
AGENT = b"def solve(instance, ctx):\n    return int(ctx.model.chat([str(instance.data)])['text'])\n"
HARNESS = {"harness.toml": MANIFEST, "agent.py": AGENT, "params.toml": b"skill = 250\n"}
TOKEN_USD = 1e-4


def roll(*what: Any) -> float:
    """A number in [0, 1) that depends on `what` alone."""
    return derive(0, *map(str, what)) / (1 << 48)


class World(msgspec.Struct, frozen=True):
    """World number `n` of `COUNT`."""

    n: int

    @property
    def settings(self) -> t.Settings:
        """Every combination of a cap, an approval, noise, and who is the agent."""
        most = 40 if self.reserve else 22
        cap = (t.Budget(), t.Budget(tokens=4_000), t.Budget(evaluations=most), t.Budget(usd=0.4))[self.n % 4]
        return t.Settings(
            generations=2 + (self.n >= TWO_LOOKS or roll(self.n, "long") < 0.3),
            seed=self.n,
            agent="simulated",
            gate=t.Gate(alpha=0.1, run_alpha=0.2),
            budget=cap,
            probes=2,
            probe_fold=1,
            train_sample=1,
            seed_harness=True,
            noisy=self.n % 5 == 4,
            approve="harness" if self.n % 3 == 2 else "none",
            rotate=int(self.n >= TWO_LOOKS),
        )

    @property
    def started(self) -> t.RunStarted:
        """The first event of its run."""
        counts = {str(split): size for split, size in SIZES.items() if split != "reserve" or self.reserve}
        if self.settings.rotate:
            counts |= {"reserve": 2 * counts["reserve"], "fresh": 2}
        domain = t.DomainRef("simulated", "simulated", "d" * 64, "A simulated task", "accuracy", counts)
        return t.RunStarted(RULES, "run", domain, self.settings)

    @property
    def reserve(self) -> bool:
        """Whether it has one."""
        return self.n >= PLAIN

    @property
    def workers(self) -> int:
        """How many instances are executed at once."""
        return 1 + 2 * (self.n // 2 % 2)

    @property
    def consults(self) -> bool:
        """Whether the agent asks a model of its own."""
        return self.n // 4 % 2 == 0

    def instances(self, split: Part, number: int = 1) -> list[Instance]:
        """The instances of a split, with labels; of `val` the one of that number."""
        first, size = 100 * list(SIZES).index(split), SIZES[split]
        which = range((number - 1) * size, number * size)
        return [Instance(f"{split}-{i}", first + i, 7 * (first + i) % 10) for i in which]

    def answer(self, data: int, skill: int, seed: int) -> str:
        """What the model says: the more skill, the more of it is right, and each skill is right elsewhere."""
        noise = seed if self.settings.noisy and roll(self.n, "noise", data, seed) < 0.1 else ""
        right = 1000 * roll(self.n, "right", data, skill, noise) < skill
        return str(7 * data % 10 if right else (7 * data + 1) % 10)

    def fails(self, data: int, skill: int) -> bool:
        """Whether the harness itself breaks there."""
        return roll(self.n, "breaks", data, skill) < 0.05

    def score(self, split: Part, instance: str, repeat: int, skill: int) -> float:
        """The score that is due."""
        data = 100 * list(SIZES).index(split) + int(instance.removeprefix(f"{split}-"))
        label, seed = 7 * data % 10, derive(self.n, "model", f"{split}/{instance}/{repeat}", 0)
        return float(not self.fails(data, skill) and self.answer(data, skill, seed) == str(label))

    def proposal(self, seed: int, *turn: int) -> int:
        """A skill that the agent of a run with that seed tries in its turn."""
        return int(250 + 750 * roll(self.n, "skill", seed, *turn))

    def word(self, commit: str) -> t.Answer:
        """What a person says of a candidate."""
        return "no" if roll(self.n, "approve", commit) < 0.3 else "yes"

    def reply(self, request: Request) -> Reply:
        """What any model of this world answers."""
        asked = request.messages[-1].text
        words = asked.split()
        if words[0] == "solve":
            text = self.answer(int(words[1]), int(words[2]), request.seed)
        else:
            text = f"I have read {len(asked)} characters"
        return Reply(text, "stop", Usage(input=80 + len(asked), output=len(text)))


def price(usage: Usage) -> float:
    """US dollars."""
    return usage.total * TOKEN_USD


@functools.cache
def folder() -> Folder:
    """The task as the engine finds it on the disk."""
    place = Path(tempfile.mkdtemp(prefix="sia-simulated-"))
    (place / "harness").mkdir()
    for name, content in HARNESS.items():
        (place / "harness" / name).write_bytes(content)
    (place / "task.md").write_text("Give the last digit of seven times x.\n")
    return Folder(place, "simulated", Spec("simulated", "A simulated task", "accuracy", 0.0, 2))


class Grader:
    """The grading process of a world; it stands for `engine.grading.client.Grader`."""

    known_tools: Sequence[ToolFacts] = ()

    def __init__(self, world: World) -> None:
        self._world, self.folder = world, folder()

    async def instances(self, split: Part, number: int = 1) -> list[Instance]:
        found = self._world.instances(split, number)
        return found if split == "train" else [Instance(one.id, one.data) for one in found]

    async def tools(self) -> Sequence[ToolFacts]:
        return self.known_tools

    async def labelled(self) -> list[Instance]:
        return [*self._world.instances("train"), *self._world.instances("val")]

    async def grade(self, split: Part, instance: str, answer: Any, replies: Sequence[str] | None = None) -> Grade:
        numbers = range(1, 4 if split == "val" else 2)
        known = {one.id: one.label for number in numbers for one in self._world.instances(split, number)}
        return Grade(float(answer == known[instance]))

    async def baselines(self, on: Split) -> dict[str, list[Grade]]:
        return {"always zero": [Grade(float(one.label == 0)) for one in self._world.instances(on)]}

    async def summarise(self, split: Split, graded: Sequence[Any]) -> Summary:
        return Summary()

    async def close(self) -> None:
        pass


class Agent:
    """Tries two skills, and proposes the better one; where it has a model it asks it, and uses a tool."""

    name = "simulated"

    def __init__(self, world: World) -> None:
        self._world = world

    async def analyse(self, view: View, tools: AgentTools) -> t.AnalysisFinished:
        findings = f"{len(view.train)} results, {len(view.past)} generations, {len(view.probes)} probes"
        if self._world.consults:
            findings = (await tools.ask(0, "p", Question([Message("user", f"analyse {findings}")], max_tokens=64))).text
        return t.AnalysisFinished(findings, "harness", "another skill", evidence=list(view.evidence))

    async def improve(self, view: View, analysis: t.AnalysisFinished, tools: AgentTools) -> Proposal | NoProposal:
        g, attempt = view.generation, view.attempt
        requests = [
            ProbeRequest(i, {"skill": self._world.proposal(view.settings.seed, g, attempt, i)}, f"try {i}")
            for i in range(view.settings.probes)
        ]
        found = await tools.probe(requests)
        if self._world.consults:

            async def read() -> ToolResult:
                return ToolResult(f"{len(found)} probes")

            used = await tools.use(0, ToolCall("1", "read", {"g": g}), read)
            await tools.ask(1, "p", Question([Message("user", f"improve {used.text}")], max_tokens=64))
        if not found or roll(self._world.n, "barren", g, attempt) < 0.15:
            return NoProposal("nothing better was found")
        best = max(found, key=lambda probe: (probe.score.score, -probe.ordinal))
        return Proposal(view.harness.with_params(best.params), f"skill {best.params['skill']}", "skill")
