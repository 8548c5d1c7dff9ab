"""The weights' parts: a few rounds of training on the GPU, and serving the resulting adapter with vLLM."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from pathlib import Path

from engine.acceptance.report import Say, Skipped, Table
from engine.errors import SiaError
from engine.models.backends import vllm_environment
from engine.models.backends.vllm import Vllm
from engine.models.protocol import Message, Request
from engine.plain import plural
from engine.user_settings import UserSettings
from engine.weights.client import Trainer, TrainerFailed, open_trainer
from engine.weights.recipe import recipe
from engine.weights.sample import Call, Sample

QUESTIONS = [f"Name a {thing}. Answer in one word." for thing in ("colour", "river", "metal", "bird")]
SAMPLES = 8
TOKENS = 12
SEED = 1


class WeightsTrial:
    """Trains an adapter, and serves it."""

    def __init__(self, adapters: Path) -> None:
        self._adapters, self._checkpoint, self._adapter = adapters, Path(), ""

    async def train(self, checkpoint: Path, rounds: int) -> Sequence[Table]:
        """Trains with GRPO; the reward is higher for shorter replies. Raises `SiaError` if no GPU was used."""
        self._checkpoint = checkpoint
        chosen = recipe("grpo", {"samples": SAMPLES, "rounds": rounds, "learning_rate": 1e-4, "batch": 32})
        try:
            async with open_trainer(checkpoint, chosen, SEED) as trainer:
                facts = trainer.facts
                if facts["device"] == "cpu":
                    raise SiaError("training ran on the processor", "torch finds no GPU in the training process")
                rows = [await _round(trainer, number) for number in range(1, rounds + 1)]
                self._adapter = await trainer.export(self._adapters, {"made by": "sia bench --gpu"})
        except TrainerFailed as error:
            raise SiaError(f"training failed ({error})", "see `sia doctor`, and docs/weights.md") from None
        of = f"{facts['dtype']}, rank {facts['rank']}, {plural(facts['trainable'], 'number')} trained"
        head = ["round", "reward", "tokens/s sampled", "seconds to learn", "gradient steps"]
        return [Table(f"GRPO on {facts['device']}: {of}", head, rows)]

    async def serve(self, settings: UserSettings, say: Say) -> Sequence[Table]:
        """Serves the base and then the adapter on one server, without a restart; raises `SiaError`."""
        if not self._adapter:
            raise Skipped("there is no adapter to serve, since training made none")
        interpreter = settings.vllm.interpreter or vllm_environment.interpreter()
        if interpreter is None:
            raise Skipped(
                "vLLM has no interpreter here: `sia models get vllm`, or in your settings: [vllm] interpreter"
            )
        model = await Vllm.start(
            str(self._checkpoint),
            interpreter=interpreter,
            arguments=settings.vllm.arguments,
            minutes=settings.vllm.start_minutes,
            adapters=self._adapters,
            report=say,
        )
        rows = []
        try:
            for name, adapter in (("base", None), ("adapter", self._adapter)):
                for turn in ("first", "second"):
                    started = time.monotonic()
                    reply = await model.chat(short_request(QUESTIONS[0], SEED, str(self._checkpoint), adapter))
                    rows.append([name, turn, f"{time.monotonic() - started:.2f}", reply.text.strip()[:60] or "(empty)"])
        finally:
            await model.close()
        return [Table("one question, by vLLM", ["model", "call", "seconds", "reply"], rows)]


async def _round(trainer: Trainer, number: int) -> list[str]:
    started = time.monotonic()
    replies = await trainer.generate(
        [short_request(text, 100 * number + k) for text in QUESTIONS for k in range(SAMPLES)]
    )
    sampled = time.monotonic()
    samples = [
        Sample(
            str(at // SAMPLES), at % SAMPLES, 1 - len(one.tokens) / TOKENS,
            [Call(one.prompt_ids, [token.id for token in one.tokens])],
        )
        for at, one in enumerate(replies)
    ]  # fmt: skip
    measures = await trainer.learn(number, samples, lambda _: None)
    learnt_s, rate = time.monotonic() - sampled, sum(len(one.tokens) for one in replies) / (sampled - started)
    reward = statistics.fmean(sample.reward for sample in samples)
    return [str(number), f"{reward:.3f}", f"{rate:.0f}", f"{learnt_s:.2f}", f"{measures.get('steps', 0):g}"]


def short_request(text: str, seed: int, weights: str = "", adapter: str | None = None) -> Request:
    """A request for a short reply, for training and serving."""
    return Request(weights, [Message("user", text)], adapter=adapter, max_tokens=TOKENS, temperature=1.0, seed=seed)
