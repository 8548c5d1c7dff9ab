"""Reward that GRPO gains in a CPU-minute, ours beside plain TRL in one run: rollouts and the adapter's swap included.

    python -m benchmarks.learning [--quick]

Both go on from one adapter of SmolLM2-135M, which was cloned on right answers to a few train items of continents, with
the same prompt, verifier, items, samples and learning rate. Reward is the chance that the model, sampled at temperature
1, says the right continent first: it is computed, not sampled, on every item of val, before and after. The clock runs
from the first rollout until a server that holds the base has swapped the new adapter in. Arms alternate (ours, TRL,
TRL, ours), each turn with other train items; errors are standard errors over val items of the mean of the turns.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import os
import random
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from datasets import Dataset
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import GRPOConfig, GRPOTrainer

from benchmarks.training import REPLY, SYSTEM, THREADS, Clock, Cost, row, run, settings, settled
from domains.continents.domain import load
from domains.contract import Instance
from engine.models.backends.transformers import Transformers
from engine.models.files import smollm2
from engine.models.files.checkpoint import of_gguf
from engine.models.protocol import Message, Request
from engine.weights.adapters import keep
from engine.weights.client import open_trainer
from engine.weights.recipe import recipe
from engine.weights.sample import Call, Sample

CLONED, K, PROMPTS, RATE = 96, 8, 8, 1e-4
"""Items of the cloned start; samples a prompt, prompts a step; learning rate."""


class Size(NamedTuple):
    """Pairs of turns, GRPO steps in a turn, items of val."""

    turns: int
    steps: int
    held_out: int


FULL, QUICK = Size(1, 6, 258), Size(1, 2, 32)


class Turn(NamedTuple):
    """The adapter that a turn made, its cost, and the rewards of each step, by prompt."""

    adapter: str
    cost: Cost
    rewards: Sequence[Sequence[float]]

    def told(self) -> str:
        """For a person; raises `SystemExit` where there was nothing to learn from."""
        groups = [step[at : at + K] for step in self.rewards for at in range(0, len(step), K)]
        if not any(len(set(group)) > 1 for group in groups):
            raise SystemExit("all samples of each prompt had one reward, so that nothing could be learnt")
        means = ", ".join(f"{sum(step) / len(step):.2f}" for step in self.rewards)
        return f"rewards of the steps {means}; {self.cost.cpu / 60:.2f} CPU-minutes"


class Bench:
    """What both arms share: the base, a server that holds it, the items, and the adapter that both start from."""

    def __init__(self, folder: Path, scratch: Path) -> None:
        self.folder, self.adapters, self.scratch = folder, scratch / "adapters", scratch
        self.adapters.mkdir()
        self.tokenizer: Any = AutoTokenizer.from_pretrained(folder)
        self.server = Transformers(folder, adapters=self.adapters)
        domain = load(None)
        self.train, self.held_out = list(domain.instances("train")), domain.instances("val")
        random.Random(1).shuffle(self.train)  # they lie by country
        self.start = ""

    def say(self, item: Instance) -> list[dict[str, str]]:
        """The prompt of an item, as turns."""
        return [{"role": "system", "content": SYSTEM}, {"role": "user", "content": str(item.data)}]

    def prompt(self, item: Instance) -> str:
        """The prompt of an item, as text."""
        return str(self.tokenizer.apply_chat_template(self.say(item), add_generation_prompt=True, tokenize=False))

    async def rewards(self, adapter: str, count: int) -> list[float]:
        """The chance of the right continent on each of `count` items of val; the first call is the swap."""
        found = []
        for item in self.held_out[:count]:
            scored = await self.server.score(self.prompt(item), [str(item.label)], adapter=adapter)
            found.append(math.exp(scored.logprobs[0]))
        return found

    def items(self, turn: int, steps: int) -> Sequence[Instance]:
        """The train items of a turn, in order."""
        first = CLONED + turn * steps * PROMPTS
        return [self.train[(first + at) % len(self.train)] for at in range(steps * PROMPTS)]

    async def clone(self) -> None:
        """Makes the adapter that both arms begin with."""
        good = []
        for item in self.train[:CLONED]:
            prompt, reply = (
                self.tokenizer(text, add_special_tokens=False).input_ids
                for text in (self.prompt(item), str(item.label))
            )
            good.append(Sample(item.id, 0, 1.0, [Call(prompt, [*reply, self.tokenizer.eos_token_id])]))
        bad = [Sample(one.instance, 1, 0.0, one.calls) for one in good]
        given = recipe("best-of-n", {"learning_rate": RATE, "batch": 16})
        async with open_trainer(self.folder, given, 1, threads=THREADS) as trainer:
            await trainer.learn(1, [*good, *bad], lambda _: None)
            self.start = await trainer.export(self.adapters, {})


def verdict(reply: str, item: Instance) -> float:
    """1 where the reply begins with the right continent."""
    return float(reply.strip().startswith(str(item.label)))


async def ours(bench: Bench, turn: int, steps: int) -> Turn:
    """GRPO by our trainer."""
    items, rewards = bench.items(turn, steps), list[list[float]]()
    start = bench.adapters / bench.start
    asked = recipe("grpo", {"learning_rate": RATE})
    async with open_trainer(bench.folder, asked, turn, start=start, threads=THREADS) as trainer:
        clock, tokens = Clock(), 0
        for step in range(steps):
            these = items[step * PROMPTS : (step + 1) * PROMPTS]
            requests = [
                Request(
                    "",
                    [Message(one["role"], one["content"]) for one in bench.say(item)],  # type: ignore[arg-type]
                    seed=(turn * steps + step) * 10_000 + at,
                    max_tokens=REPLY,
                    temperature=1.0,
                )
                for at, item in enumerate(item for item in these for _ in range(K))
            ]
            replies = await trainer.generate(requests)
            samples = [
                Sample(these[at // K].id, at % K, verdict(reply.text, these[at // K]), [call])
                for at, reply in enumerate(replies)
                for call in [Call(reply.prompt_ids, [token.id for token in reply.tokens])]
            ]
            rewards.append([one.reward for one in samples])
            tokens += sum(len(call.prompt) + len(call.tokens) for one in samples for call in one.calls)
            await trainer.learn(step + 1, samples, lambda _: None)
        adapter = await trainer.export(bench.adapters, {})
        await bench.rewards(adapter, 1)
        return Turn(adapter, clock.cost(tokens), rewards)


async def theirs(bench: Bench, turn: int, steps: int) -> Turn:
    """The same by TRL's `GRPOTrainer`."""
    rewards: list[list[float]] = []
    items = bench.items(turn, steps)
    base = AutoModelForCausalLM.from_pretrained(bench.folder, dtype=torch.float32)
    model = PeftModel.from_pretrained(base, bench.adapters / bench.start, is_trainable=True)

    def judged(completions: Any, label: Sequence[str], **_: Any) -> list[float]:
        texts = [one[0]["content"] for one in completions]
        found = [float(text.strip().startswith(right)) for text, right in zip(texts, label, strict=True)]
        rewards.append(found)
        return found

    told = GRPOConfig(
        **settings(steps, Path(tempfile.mkdtemp(dir=bench.scratch))),
        num_generations=K,
        max_completion_length=REPLY,
        beta=0.0,
        epsilon=0.2,
        temperature=1.0,
        per_device_train_batch_size=PROMPTS * K,
        loss_type="grpo",
        shuffle_dataset=False,
    )
    rows = [{"prompt": bench.say(item), "label": str(item.label)} for item in items]
    trainer = GRPOTrainer(
        model=model,
        args=told,
        reward_funcs=judged,
        train_dataset=Dataset.from_list(rows),
        processing_class=bench.tokenizer,
    )
    clock = Clock()
    run(trainer)
    made = Path(tempfile.mkdtemp(dir=bench.scratch))
    model.save_pretrained(made)
    adapter = keep(bench.adapters, made, base=bench.server.weights, architecture=base.config.model_type, lineage={})
    await bench.rewards(adapter, 1)
    return Turn(adapter, clock.cost(0), rewards)


Arm = Callable[[Bench, int, int], Any]


async def measured(bench: Bench, size: Size) -> None:
    """Prints the table."""
    await bench.clone()
    before = await bench.rewards(bench.start, size.held_out)
    print(f"start: mean reward {sum(before) / len(before):.3f} on {len(before)} of val", flush=True)
    arms: dict[str, Arm] = {"ours": ours, "TRL": theirs}
    turns: dict[str, list[Turn]] = {name: [] for name in arms}
    gains: dict[str, list[list[float]]] = {name: [] for name in arms}
    for name in ("ours", "TRL", "TRL", "ours") * size.turns:
        turn = await arms[name](bench, len(turns[name]), size.steps)
        print(f"{name}: {turn.told()}", flush=True)
        after = await bench.rewards(turn.adapter, size.held_out)
        turns[name].append(turn)
        gains[name].append([new - old for new, old in zip(after, before, strict=True)])
    print("| | gain in mean reward | CPU-minutes | gain a CPU-minute |", "| --- | --: | --: | --: |", sep="\n")
    for name in arms:
        each = [sum(column) / len(column) for column in zip(*gains[name], strict=True)]
        mean = sum(each) / len(each)
        error = math.sqrt(sum((one - mean) ** 2 for one in each) / (len(each) - 1) / len(each))
        minutes = sum(turn.cost.cpu for turn in turns[name]) / 60 / len(turns[name])
        per = f"{mean / minutes:.4f} ± {error / minutes:.4f}"
        row(name, f"{mean:.3f} ± {error:.3f}", f"{minutes:.2f}", per)


def main() -> None:
    """Measures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="small, to see that it runs; its figures say little")
    settled("benchmarks.learning")
    size = QUICK if parser.parse_args().quick else FULL
    torch.set_num_threads(THREADS)
    folder = of_gguf(smollm2.fetch(lambda _: None))
    print("load", *(f"{one:.1f}" for one in os.getloadavg()), "threads", THREADS, flush=True)
    with tempfile.TemporaryDirectory() as scratch:
        asyncio.run(measured(Bench(folder, Path(scratch)), size))


if __name__ == "__main__":
    main()
