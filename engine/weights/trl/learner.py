"""TRL's trainer of a round: its `SFTTrainer`, `DPOTrainer` or `GRPOTrainer`, on our adapter and optimizer.

    round -> rows in gradient steps of equal size -> one TRL trainer, which lasts for the round

TRL's trainers keep no state from round to round: adapter, optimizer and count of steps are the learner's, so that a
checkpoint is that of our own loop.
"""

from __future__ import annotations

import json
import math
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import torch
from transformers import PrinterCallback, TrainerCallback
from trl.trainer.utils import add_fused_lm_head

from engine.seeds import derive
from engine.weights.learner import PORTION, Learner, Report, Tally
from engine.weights.policy import Policy
from engine.weights.recipe import Recipe
from engine.weights.round import Round
from engine.weights.trl import processes, trainers
from engine.weights.trl.processes import JOB, LEARNT, STATE, TALLY, Job
from engine.weights.trl.rows import Batches, batches, cloned, compared, even, rewarded

NAMES = {"loss": "loss", "grad_norm": "grad_norm", "clip_ratio/region_mean": "clip_share", "entropy": "entropy"}
"""Our measures by the names under which TRL logs them."""


class TrlLearner(Learner):
    """Learns by TRL, on several `devices` by a process for each; `checkpoint` is the folder of the base model.

    A policy that `is_large` for its device computes activations anew in the backward pass.
    """

    def __init__(
        self, policy: Policy, recipe: Recipe, seed: int, *, checkpoint: Path, devices: int = 1, is_large: bool = False
    ) -> None:
        super().__init__(policy, recipe, seed)
        self._checkpoint, self._devices, self._is_large = checkpoint, devices, is_large

    def _take_steps(self, number: int, round: Round, advantages: Sequence[float], tally: Tally, report: Report) -> None:
        if self._devices == 1:
            self.train(number, round, advantages, tally, report)
            return
        job = Job(
            checkpoint=str(self._checkpoint),
            recipe=self.recipe,
            seed=self.seed,
            number=number,
            samples=round.samples,
            groups=round.groups,
            advantages=advantages,
            is_large=self._is_large,
        )
        self.policy.model.to("cpu")  # the process of the first device needs its memory
        torch.cuda.empty_cache()  # torch keeps what is freed, unless it is told to give it back
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch)
            self.policy.save(folder)
            torch.save(self.state(), folder / STATE)
            (folder / JOB).write_bytes(msgspec.json.encode(job))
            processes.run(folder, self._devices, report)
            self.policy.load(folder / LEARNT)
            self.restore(torch.load(folder / LEARNT / STATE, weights_only=True))
            tally.sums, tally.counts = json.loads((folder / LEARNT / TALLY).read_text())
        self.policy.model.to(self.policy.device)

    def train(
        self, number: int, round: Round, advantages: Sequence[float], tally: Tally, report: Report, devices: int = 1
    ) -> None:
        """The steps of a round, in this process; `devices` are all that take part."""
        model, base = self.policy.model, self.policy.model.get_base_model()
        forwards = {one: one.__dict__.get("forward") for one in (model, base)}
        with tempfile.TemporaryDirectory() as scratch:
            trainer = self._trainer(number, round, advantages, scratch, devices)
            if "ref" in model.peft_config:
                model.delete_adapter("ref")  # TRL compares with the adapter as it was; we compare with the base
            add_fused_lm_head(
                base, temperature=self.recipe.temperature, outputs=("log_probs", "entropy", "mean_logits", "is_top1")
            )
            trainer.remove_callback(PrinterCallback)
            trainer.add_callback(_Watch(self, tally, report))
            trainer.train()
        for one, forward in forwards.items():  # TRL and accelerate put their own in its place
            one.__dict__.pop("forward", None)
            if forward is not None:
                one.forward = forward
        if self._is_large:
            model.gradient_checkpointing_disable()
            model.disable_input_require_grads()
        model.eval()
        self._optimizer.zero_grad(set_to_none=True)

    def _trainer(self, number: int, round: Round, advantages: Sequence[float], scratch: str, devices: int) -> Any:
        recipe, seed = self.recipe, self.seed
        given = {
            "model": self.policy.model,
            "processing_class": self.policy.tokenizer,
            "optimizers": (self._optimizer, torch.optim.lr_scheduler.LambdaLR(self._optimizer, lambda _: 1.0)),
        }

        def same(plan: Batches, **more: Any) -> dict[str, Any]:
            return {
                "output_dir": scratch,
                "per_device_train_batch_size": plan.rows,
                "gradient_accumulation_steps": plan.accumulated,
                "max_steps": plan.steps,
                "max_grad_norm": recipe.max_grad_norm,
                "seed": derive(seed, "trl", number) % 2**32,
                "train_sampling_strategy": "sequential",
                "remove_unused_columns": False,
                "dataloader_pin_memory": False,
                "use_cpu": self.policy.device.type == "cpu",
                "ddp_find_unused_parameters": False,
                "bf16": self.policy.dtype == torch.bfloat16,
                "gradient_checkpointing": self._is_large,
                **{"report_to": "none", "save_strategy": "no", "disable_tqdm": True},
                **{"logging_strategy": "steps", "logging_steps": 1, "logging_nan_inf_filter": False},
                **more,
            }

        def plan(counts: Sequence[int], longest: int) -> Batches:
            return batches(max(counts), len(counts), longest, tokens=PORTION, devices=devices)

        pad = self.policy.pad
        if recipe.algorithm == "best-of-n":
            rows = cloned(round, advantages, recipe, seed, number)
            chosen = plan([len(step) for step in rows], max(row.size for step in rows for row in step))
            return trainers.cloning(rows, chosen, given, same(chosen), pad)
        if recipe.algorithm == "dpo":
            twos = compared(round, recipe, seed, number)
            longest = max(len(call.prompt) + len(call.tokens) for step in twos for two in step for call in two)
            chosen = plan([len(step) for step in twos], 2 * longest)
            return trainers.preferring(twos, chosen, given, same(chosen, beta=recipe.preference_beta), pad)
        calls = rewarded(round, advantages)
        count = max(1, round.taught // recipe.batch)
        chosen = even(plan([-(-len(calls) // count)] * count, max(row.size for row in calls)))
        more = {
            "beta": recipe.kl * round.taught / len(calls),
            "epsilon": recipe.clip,
            "temperature": recipe.temperature,
        }
        more |= {"num_iterations": recipe.epochs, "max_steps": chosen.steps * recipe.epochs}
        return trainers.rewarding(calls, round.taught, chosen, given, same(chosen, **more), pad)


class _Watch(TrainerCallback):  # type: ignore[misc]  # untyped
    """Counts steps, sets their learning rates, skips a step without a finite gradient, and gathers measures."""

    def __init__(self, learner: TrlLearner, tally: Tally, report: Report) -> None:
        self._learner, self._tally, self._report = learner, tally, report
        self._reported = time.monotonic()

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._learner._set_rates()

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        gradients = [value.grad for value in self._learner.policy.trained.values() if value.grad is not None]
        finite = all(bool(torch.isfinite(one).all()) for one in gradients)
        self._tally.add("skipped", float(not finite))
        if not finite:
            self._learner._optimizer.zero_grad(set_to_none=True)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._learner.steps += 1

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        for theirs, ours in NAMES.items():
            if theirs in logs:
                value = math.nan if logs[theirs] is None else float(logs[theirs])  # TRL writes None for NaN
                if ours != "grad_norm" or math.isfinite(value):
                    self._tally.add(ours, value)
        now = time.monotonic()
        if now - self._reported >= 1:
            self._reported = now
            self._report({"step": state.global_step, "steps": state.max_steps, **self._tally.means()})
