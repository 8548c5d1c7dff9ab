"""Our training against plain TRL, side by side in one run: tokens a second.

    python -m benchmarks.training [--quick]

Both train a LoRA adapter (rank 32, alpha 64, all linear layers) of SmolLM2-135M in fp32 on a CPU, with the same
threads, prompts, batches and learning rate. Arms alternate (ours, TRL, TRL, ours), so that a load on the machine weighs
on both; what counts are ratios. Tokens are those of prompts and replies, padding left out. Loading is not measured, and
every arm does one step before its clock runs. In GRPO every second reply is called good whatever it says, so that both
have a gradient to compute for each; rollouts are in the time. CPU time is that of this process and its children.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import psutil
import torch
from datasets import Dataset
from peft import LoraConfig
from transformers import AutoModelForCausalLM, AutoTokenizer, PrinterCallback, TrainerCallback
from trl import GRPOConfig, GRPOTrainer, SFTConfig, SFTTrainer

from domains.continents.domain import load
from domains.contract import Instance
from engine.models.files import smollm2
from engine.models.files.checkpoint import of_gguf
from engine.models.protocol import Message, Request
from engine.weights.client import Trainer, open_trainer
from engine.weights.recipe import recipe
from engine.weights.sample import Call, Sample

K, PROMPTS, REPLY, RATE, BATCH = 8, 8, 4, 2e-4, 16
"""Samples a prompt, prompts a step, tokens a reply at most, learning rate, sequences a step of cloning."""
SYSTEM = "Name the continent."
THREADS = len(os.sched_getaffinity(0))


class Size(NamedTuple):
    """Turns of the arms (ABBA), and gradient steps in each arm."""

    turns: int
    steps: int


FULL, QUICK = Size(2, 4), Size(1, 1)


class Cost(NamedTuple):
    """Tokens learnt from, and wall and CPU seconds."""

    tokens: int
    seconds: float
    cpu: float


class Clock:
    """Starts when it is made."""

    def __init__(self) -> None:
        self._began, self._cpu = time.perf_counter(), cpu()

    def cost(self, tokens: int) -> Cost:
        """What it took since."""
        return Cost(tokens, time.perf_counter() - self._began, cpu() - self._cpu)


def cpu() -> float:
    """CPU-seconds of this process and its children so far."""
    me = psutil.Process()
    return sum(sum(one.cpu_times()[:2]) for one in (me, *me.children(recursive=True)))


async def rollouts(trainer: Trainer, items: Sequence[Instance], number: int) -> list[Sample]:
    """K replies to each of `items`, every second of which is called good."""
    words = [[Message("system", SYSTEM), Message("user", str(item.data))] for item in items for _ in range(K)]
    asked = [
        Request("", say, seed=number * 10_000 + i, max_tokens=REPLY, temperature=1.0) for i, say in enumerate(words)
    ]
    replies = await trainer.generate(asked)
    return [
        Sample(
            items[i // K].id,
            i % K,
            float(i % 2),
            [Call(reply.prompt_ids, [token.id for token in reply.tokens])],
        )
        for i, reply in enumerate(replies)
    ]


def length(samples: Sequence[Sample]) -> int:
    """Tokens of prompts and replies."""
    return sum(len(call.prompt) + len(call.tokens) for sample in samples for call in sample.calls)


async def grpo_of_ours(folder: Path, items: Sequence[Instance], steps: int) -> Cost:
    """Rollouts and learning, a gradient step each."""
    async with open_trainer(folder, recipe("grpo", {"learning_rate": RATE}), 1, threads=THREADS) as trainer:
        await trainer.learn(1, await rollouts(trainer, items[:PROMPTS], 1), lambda _: None)
        clock, tokens = Clock(), 0
        for number in range(2, steps + 2):
            samples = await rollouts(trainer, items[(number - 1) * PROMPTS : number * PROMPTS], number)
            await trainer.learn(number, samples, lambda _: None)
            tokens += length(samples)
        return clock.cost(tokens)


class Warm(TrainerCallback):  # type: ignore[misc]  # untyped
    """Starts the clock after TRL's first step."""

    def __init__(self) -> None:
        self.clock = Clock()

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """After each gradient step."""
        if state.global_step == 1:
            self.clock = Clock()


def settings(steps: int, to: Path) -> dict[str, Any]:
    """The settings of both TRL trainers, so that they do what ours does."""
    same = {"learning_rate": RATE, "lr_scheduler_type": "constant", "weight_decay": 0.0, "max_grad_norm": 1.0}
    quiet = {"report_to": "none", "save_strategy": "no", "logging_strategy": "no", "disable_tqdm": True}
    here = {"use_cpu": True, "bf16": False, "gradient_checkpointing": False, "dataloader_pin_memory": False}
    return {**same, **quiet, **here, "output_dir": str(to), "max_steps": steps, "seed": 1}


def adapted(folder: Path) -> dict[str, Any]:
    """The model and how it is adapted, for TRL."""
    return {
        "model": AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32),
        "processing_class": AutoTokenizer.from_pretrained(folder),
        "peft_config": LoraConfig(r=32, lora_alpha=64, target_modules="all-linear", task_type="CAUSAL_LM"),
    }


def settled(module: str) -> None:
    """Starts `module` anew with the settings of threads that ours has, which are read when torch is loaded."""
    wanted = {"OMP_WAIT_POLICY": "PASSIVE", "OMP_NUM_THREADS": str(THREADS), "TOKENIZERS_PARALLELISM": "false"}
    if not wanted.items() <= os.environ.items():
        os.execve(sys.executable, [sys.executable, "-m", module, *sys.argv[1:]], os.environ | wanted)  # noqa: S606


def run(trainer: Any) -> Warm:
    """Trains by TRL, the clock running from the second step."""
    warm = Warm()
    trainer.remove_callback(PrinterCallback)
    trainer.add_callback(warm)
    trainer.train()
    return warm


def grpo_of_trl(folder: Path, items: Sequence[Instance], steps: int, to: Path) -> Cost:
    """The same by `GRPOTrainer`, whose loss is set to the formula of ours."""
    lengths: list[int] = []
    parts = adapted(folder)

    def judged(prompts: Any, completion_ids: Any, **_: Any) -> list[float]:
        told = parts["processing_class"].apply_chat_template(prompts, add_generation_prompt=True, tokenize=False)
        ids = parts["processing_class"](told, add_special_tokens=False).input_ids
        lengths.append(sum(map(len, ids)) + sum(map(len, completion_ids)))
        return [float(i % 2) for i in range(len(prompts))]

    rows = [
        {"prompt": [{"role": "system", "content": SYSTEM}, {"role": "user", "content": str(item.data)}]}
        for item in items
    ]
    same: dict[str, Any] = {"num_generations": K, "max_completion_length": REPLY, "beta": 0.0, "epsilon": 0.2}
    told = GRPOConfig(
        **settings(steps + 1, to),
        **same,
        temperature=1.0,
        per_device_train_batch_size=PROMPTS * K,
        loss_type="grpo",
        shuffle_dataset=False,
    )
    trainer = GRPOTrainer(**parts, args=told, reward_funcs=judged, train_dataset=Dataset.from_list(rows))
    warm = run(trainer)
    return warm.clock.cost(sum(lengths[1:]))


async def cloning_of_ours(folder: Path, samples: Sequence[Sample]) -> Cost:
    """Best-of-n on one good reply to each prompt; the bad one beside it is never computed."""
    bad = [Sample(one.instance, 1, 0.0, one.calls) for one in samples]
    given = {"learning_rate": RATE, "batch": BATCH}
    async with open_trainer(folder, recipe("best-of-n", given), 1, threads=THREADS) as trainer:
        await trainer.learn(1, [*samples[:BATCH], *bad[:BATCH]], lambda _: None)
        clock = Clock()
        await trainer.learn(2, [*samples[BATCH:], *bad[BATCH:]], lambda _: None)
        return clock.cost(length(samples[BATCH:]))


def cloning_of_trl(folder: Path, samples: Sequence[Sample], to: Path) -> Cost:
    """`SFTTrainer` on the same token ids; only replies are learnt."""
    rows = [
        {
            "input_ids": [*call.prompt, *call.tokens],
            "completion_mask": [0] * len(call.prompt) + [1] * len(call.tokens),
        }
        for sample in samples
        for call in sample.calls
    ]
    told = SFTConfig(
        **settings(len(samples) // BATCH, to),
        per_device_train_batch_size=BATCH,
        completion_only_loss=True,
        train_sampling_strategy="sequential",
    )
    warm = run(SFTTrainer(**adapted(folder), args=told, train_dataset=Dataset.from_list(rows)))
    return warm.clock.cost(length(samples[BATCH:]))


def row(name: str, *values: object) -> None:
    """A row of the table."""
    print("|", " | ".join(map(str, (name, *values))), "|", flush=True)


def speeds(name: str, size: Size, ours: Callable[[], Cost], theirs: Callable[[], Cost]) -> None:
    """Runs the arms ABBA and prints their speeds; the ratio is of tokens a CPU-second, which load distorts less."""
    found: dict[str, list[Cost]] = {"ours": [], "TRL": []}
    for arm in ("ours", "TRL", "TRL", "ours") * size.turns:
        found[arm].append(ours() if arm == "ours" else theirs())
    sums = {arm: [sum(column) for column in zip(*costs, strict=True)] for arm, costs in found.items()}
    for unit, place in (("tokens/s", 1), ("tokens/CPU-s", 2)):
        ours_, theirs_ = (sums[arm][0] / sums[arm][place] for arm in ("ours", "TRL"))
        row(f"{name}, {unit}", f"{ours_:.0f}", f"{theirs_:.0f}", f"{ours_ / theirs_:.2f}")


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="small, to see that it runs; its figures say little")
    settled("benchmarks.training")
    size = QUICK if parser.parse_args().quick else FULL
    torch.set_num_threads(THREADS)
    folder = of_gguf(smollm2.fetch(lambda _: None))
    train = load(None).instances("train")
    items = train[: PROMPTS * (size.steps + 1)]
    print("load", *(f"{one:.1f}" for one in os.getloadavg()), "threads", THREADS, flush=True)
    print("| | ours | TRL | ours / TRL |", "| --- | --: | --: | --: |", sep="\n", flush=True)
    with tempfile.TemporaryDirectory() as scratch:

        def place() -> Path:
            return Path(tempfile.mkdtemp(dir=scratch))

        tokenizer: Any = AutoTokenizer.from_pretrained(folder)
        good = []
        for i in range(BATCH * (size.steps + 1)):
            item = train[i % len(train)]
            say = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": str(item.data)}]
            told = tokenizer.apply_chat_template(say, add_generation_prompt=True, tokenize=False)
            prompt, reply = (tokenizer(text, add_special_tokens=False).input_ids for text in (told, str(item.label)))
            good.append(Sample(item.id, 0, 1.0, [Call(prompt, [*reply, tokenizer.eos_token_id])]))
        speeds(
            "cloning",
            size,
            lambda: asyncio.run(cloning_of_ours(folder, good)),
            lambda: cloning_of_trl(folder, good, place()),
        )
        speeds(
            "GRPO",
            size,
            lambda: asyncio.run(grpo_of_ours(folder, items, size.steps)),
            lambda: grpo_of_trl(folder, items, size.steps, place()),
        )


if __name__ == "__main__":
    main()
