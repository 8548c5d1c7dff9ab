"""The weights lever without torch: a trainer that is played, and a vLLM server that is faked.

The server guesses as long as it is asked without an adapter, and mostly knows the rule with one; the trainer writes
what the test tells it to measure.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import re
import shutil
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

import domains.continents
from engine.events import types as t
from engine.loop import launch
from engine.loop.control_socket import Control
from engine.loop.driver import drive
from engine.models.files.adapter import Manifest, identity
from engine.run.options import Options
from engine.run.workspace import Workspace
from engine.steps.training import step as training
from engine.weights.recipe import Recipe
from engine.weights.sample import Sample
from tests.fakes.openai_server import OpenAIServer, Plan, Serves
from tests.fakes.serving import Asked
from tests.playing import MANIFEST, asks, small

CONTINENTS = Path(domains.continents.__file__).parent
RECIPE = "recipe = { rounds = 3, instances = 8, samples = 2 }"
TRAINS = f'lever = "weights"\nalgorithm = "grpo"\n{RECIPE}'
Measures = Callable[[int], dict[str, float]]


class PlayedTrainer:
    """Counts rounds; its adapter's id says how many."""

    def __init__(self, rounds: int, notes: list[tuple[str, Any]], measures: Measures) -> None:
        self.facts: dict[str, Any] = {"device": "none"}
        self.rounds, self._notes, self._measures = rounds, notes, measures

    async def learn(self, number: int, samples: Sequence[Sample], report: Any) -> dict[str, float]:
        self._notes.append(("learn", (number, list(samples))))
        report({"loss": 1.0})
        measured = self._measures(number)
        self.rounds = number
        return measured

    async def policy(self) -> str:
        return hashlib.sha256(str(self.rounds).encode()).hexdigest()

    async def save(self, folder: Path) -> None:
        folder.mkdir()
        (folder / "rounds").write_text(str(self.rounds))

    async def export(self, adapters: Path, lineage: Mapping[str, Any]) -> str:
        self._notes.append(("export", self.rounds))
        return adapter(adapters, lineage["base"], f"{lineage['parent']} {self.rounds}")

    async def close(self) -> None:
        self._notes.append(("close", None))


def adapter(adapters: Path, base: str, content: str) -> str:
    """An adapter in form, which no model could load; its id."""
    fresh = adapters / "fresh"
    fresh.mkdir(parents=True)
    (fresh / "manifest.json").write_bytes(msgspec.json.encode(Manifest(base)))
    (fresh / "adapter_config.json").write_text(content)
    made = identity(fresh)
    if (adapters / made).exists():
        shutil.rmtree(fresh)
    else:
        fresh.rename(adapters / made)
    return made


class Stage:
    """A workspace with the toy times7, a faked server and a played trainer; `notes` tells what the trainer did."""

    def __init__(self, folder: Path, url: str, patch: pytest.MonkeyPatch) -> None:
        self.folder, self.workspace = folder, Workspace(folder / "w")
        self.domain = small(folder / "times7")
        seed = folder / "times7" / "harness-lm"
        seed.mkdir()
        (seed / "harness.toml").write_text(MANIFEST)
        (seed / "agent.py").write_text(asks("Guess a digit."))
        self.model = f"vllm:{folder / 'base'}@{url}"
        (folder / "base").mkdir()
        self.notes: list[tuple[str, Any]] = []
        self.measures: Measures = lambda number: {"kl": 0.1 * number, "entropy": 1.0}
        patch.setattr(training, "open_trainer", self._open)

    @contextlib.asynccontextmanager
    async def _open(
        self, checkpoint: Path, recipe: Recipe, seed: int, *, start: Path | None, state: Path | None, trainer: str
    ) -> AsyncIterator[PlayedTrainer]:
        rounds = int((state / "rounds").read_text()) if state else 0
        self.notes.append(("open", (start.name if start else None, rounds)))
        self.trainer = trainer
        yield PlayedTrainer(rounds, self.notes, self.measures)

    def run(self, *decisions: str, **options: Any) -> list[t.Payload]:
        """Plays the run that `decisions` script; its payloads."""
        script = self.folder / "script.toml"
        script.write_text("\n".join(f"[[decision]]\n{decision}" for decision in decisions))
        chosen = {"generations": 2, "agent": f"script:{script}", "model": self.model, "lever": "auto"} | options
        return asyncio.run(self._run(Options(domain=self.domain, workers=2, **chosen)))

    async def _run(self, options: Options) -> list[t.Payload]:
        planned = await launch.plan(options, lambda _: None, self.workspace)
        async with launch.start(self.workspace, planned) as started:
            await drive(started, Control())
            return [event.payload for event in started.log.reader.history(started.log.run)]

    def resume(self) -> list[t.Payload]:
        """Goes on with the last run; its payloads."""
        return asyncio.run(self._resume())

    async def _resume(self) -> list[t.Payload]:
        async with launch.reopen(self.workspace, "last", workers=2, report=lambda _: None) as started:
            await drive(started, Control())
            return [event.payload for event in started.log.reader.history(started.log.run)]

    def did(self, what: str) -> list[Any]:
        """What the trainer did of that kind."""
        return [how for name, how in self.notes if name == what]


def answers(asked: Asked) -> Plan:
    """The base guesses; an adapter knows, but for one in four."""
    x = int(re.search(r"x = (\d+)", asked.body["messages"][-1]["content"])[1])  # type: ignore[index]
    adapted = re.fullmatch(r"[0-9a-f]{64}", asked.body["model"]) is not None
    return Plan(str(7 * x % 10) if adapted and x % 4 != 1 else "0")


@contextlib.contextmanager
def stage(folder: Path, patch: pytest.MonkeyPatch, serves: Serves = "adapters") -> Iterator[Stage]:
    """The stage, with its server."""
    with OpenAIServer(answers, kind="vllm", models=[str(folder / "base")], serves=serves) as server:
        yield Stage(folder, f"{server.url}/v1" if not server.url.endswith("/v1") else server.url, patch)


def continents(folder: Path, places: int) -> str:
    """The domain continents with so many places of val and of train."""
    shutil.copytree(CONTINENTS, folder, ignore=shutil.ignore_patterns("__pycache__"))
    text = (folder / "domain.py").read_text()
    cut = f"{{split: found[:: max(1, len(found) // {places})][:{places}] for split, found in cut(read()).items()}}"
    assert "Continents(cut(read()))" in text
    (folder / "domain.py").write_text(text.replace("Continents(cut(read()))", f"Continents({cut})"))
    toml = (folder / "domain.toml").read_text()
    (folder / "domain.toml").write_text(toml.replace("train_sample = 40", "train_sample = 4"))
    return str(folder)
