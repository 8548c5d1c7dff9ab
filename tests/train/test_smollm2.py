"""Every algorithm takes a few steps on the real SmolLM2, and what it wanted has become likelier."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from msgspec.structs import replace

pytest.importorskip("torch", reason="needs the extra train")
pytest.importorskip("peft", reason="needs the extra train")

from engine.models.backends.transformers import Transformers
from engine.models.protocol import Message, Request
from engine.weights.client import open_trainer
from engine.weights.recipe import ALGORITHMS, recipe
from engine.weights.sample import Call, Sample

pytestmark = pytest.mark.train
PLACES = {"Ghana": "Africa", "Peru": "South America", "Fiji": "Oceania"}
CONTINENTS = ["Africa", "Asia", "Europe", "North America", "Oceania", "South America"]
K = 4


def ask(country: str, seed: int, temperature: float = 1.0) -> Request:
    words = [Message("system", "Name the continent."), Message("user", country)]
    return Request("", words, choices=CONTINENTS, temperature=temperature, seed=seed, max_tokens=4)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_it_learns_from_its_own_replies_and_is_served(folder: Path, algorithm: str, tmp_path: Path) -> None:
    given = {"learning_rate": 2e-4, "batch": 4, "samples": K, "temperature": 2.0}

    async def go() -> None:
        async with open_trainer(folder, recipe(algorithm, given), 1, threads=2) as trainer:
            replies = await trainer.generate([ask(name, seed, 2.0) for name in PLACES for seed in range(K)])
            samples = [
                Sample(
                    name,
                    i % K,
                    float(reply.text == PLACES[name]),
                    [Call(reply.prompt_ids, [token.id for token in reply.tokens])],
                )
                for i, (name, reply) in enumerate(
                    zip([name for name in PLACES for _ in range(K)], replies, strict=True)
                )
            ]
            assert len({sample.reward for sample in samples}) == 2  # some were right, and some wrong
            measures = await trainer.learn(1, samples, lambda _: None)
            assert measures["steps"] >= 1
            assert measures["kl"] > 0
            adapter = await trainer.export(tmp_path, {})
            greedy = [ask(name, 0, 0.0) for name in PLACES]
            told = [reply.text for reply in await trainer.generate(greedy)]
        served = Transformers(folder, adapters=tmp_path)
        try:
            again = [await served.chat(replace(request, weights=served.weights, adapter=adapter)) for request in greedy]
        finally:
            await served.close()
        assert [reply.text for reply in again] == told

    asyncio.run(go())
