"""Training in its process: every algorithm makes a random model better, and a training goes on where it was saved."""

from __future__ import annotations

import asyncio
import statistics
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="needs the extra train")
pytest.importorskip("peft", reason="needs the extra train")

from engine.errors import SiaError
from engine.models.files.adapter import adapter_folder, manifest
from engine.weights.client import Trainer, open_trainer
from engine.weights.recipe import ALGORITHMS, recipe
from engine.weights.sample import Call, Sample
from tests.train import tiny

pytestmark = pytest.mark.train
SMALL: dict[str, Any] = {"rank": 4, "alpha": 8, "learning_rate": 5e-3, "samples": 8, "batch": 32}


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.checkpoint(tmp_path_factory.mktemp("tiny"))


async def round_of(trainer: Trainer, number: int, k: int = 8) -> tuple[float, dict[str, float]]:
    """One round on four words; the mean reward of its rollouts, and its measures."""
    words = tiny.WORDS[:4]
    asked = [tiny.asked(word, 1000 * number + 10 * i + j) for i, word in enumerate(words) for j in range(k)]
    samples = tiny.graded(words, await trainer.generate(asked), k)
    measures = await trainer.learn(number, samples, lambda _: None)
    return statistics.fmean(sample.reward for sample in samples), measures


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_the_reward_of_a_random_model_rises(model: Path, algorithm: str) -> None:
    async def go() -> None:
        more = {"epochs": 2} if algorithm in ("best-of-n", "dpo") else {}
        async with open_trainer(model, recipe(algorithm, {**SMALL, **more}), 1, threads=1) as trainer:
            rewards = []
            for number in range(1, 13):
                reward, measures = await round_of(trainer, number)
                rewards.append(reward)
                assert measures["taught"] == 0 or (measures["steps"] >= 1 and measures["skipped"] == 0)
            assert statistics.fmean(rewards[-3:]) > statistics.fmean(rewards[:3]) + 0.25, rewards

    asyncio.run(go())


def test_a_training_that_was_killed_while_it_learnt_goes_on_to_the_same_adapter(model: Path, tmp_path: Path) -> None:
    chosen = recipe("grpo", {**SMALL, "epochs": 3})

    async def go() -> None:
        async with open_trainer(model, chosen, 1, threads=1) as whole:
            await round_of(whole, 1)
            await whole.save(tmp_path / "state")
            await round_of(whole, 2)
            through = await whole.policy()
        async with open_trainer(model, chosen, 1, state=tmp_path / "state", threads=1) as killed:
            learning = asyncio.create_task(round_of(killed, 2))
            await asyncio.sleep(0.3)  # anywhere in the round: what is lost is never in the state
            learning.cancel()
            await asyncio.gather(learning, return_exceptions=True)
        async with open_trainer(model, chosen, 1, state=tmp_path / "state", threads=1) as again:
            assert again.facts["rounds"] == 1
            assert await again.policy() != through
            await round_of(again, 2)
            assert await again.policy() == through
        other = recipe("grpo", {**SMALL, "epochs": 2})
        with pytest.raises(SiaError, match="belongs to another training"):
            async with open_trainer(model, other, 1, state=tmp_path / "state", threads=1):
                pass

    asyncio.run(go())


def test_an_adapter_is_kept_under_its_content_and_goes_on_from_there(model: Path, tmp_path: Path) -> None:
    async def go() -> None:
        async with open_trainer(model, recipe("grpo", SMALL), 1, threads=1) as trainer:
            await round_of(trainer, 1)
            policy = await trainer.policy()
            name = await trainer.export(tmp_path, {"run": "r1"})
            assert await trainer.export(tmp_path, {"run": "r1"}) == name
            base = trainer.facts["base"]
        folder = adapter_folder(tmp_path, name, base)
        assert {path.name for path in folder.iterdir()} >= {"adapter.gguf", "adapter_model.safetensors"}
        assert manifest(folder).lineage["run"] == "r1"
        async with open_trainer(model, recipe("grpo", SMALL), 1, start=folder, threads=1) as more:
            assert await more.policy() == policy

    asyncio.run(go())


def test_replies_do_not_depend_on_the_order_of_requests(model: Path) -> None:
    words = tiny.WORDS[:3]
    asked = [tiny.asked(word, seed, max_tokens=8) for word in words for seed in range(4)]
    asked += [tiny.asked(word, seed, choices=["sun", "moon sea", "two"]) for word in words for seed in range(4)]
    asked += [tiny.asked("sun " * 62, 0), tiny.asked("red", 1, temperature=0.0), tiny.asked("red", 1, top_p=0.5)]

    async def go() -> None:
        async with open_trainer(model, recipe("grpo", SMALL), 1, threads=1) as trainer:
            replies = await trainer.generate(asked)
            assert await trainer.generate(asked[::-1]) == replies[::-1]
            assert len({reply.text for reply in replies[:12]}) > 3
            assert len({reply.text for reply in replies[12:24]} & {"sun", "moon sea", "two"}) > 1
            assert [reply.finish for reply in replies[24:]].count("refused") == 1
            # A sampled token's log-probability is what the model says of it when it learns, too.
            calls = [Call(reply.prompt_ids, [token.id for token in reply.tokens]) for reply in replies[:12]]
            samples = [Sample("one", i, float(i), [call]) for i, call in enumerate(calls)]
            measures = await trainer.learn(1, samples, lambda _: None)
            assert measures["clip_share"] == 0  # one step: the ratio is 1 throughout

    asyncio.run(go())
