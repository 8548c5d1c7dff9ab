"""TRL's trainers with what our losses need of them: weights of rows, advantages that are known, steps filled up.

    SFTTrainer     loss = sum of weight * -log p(row)        as `algorithms.cloning`
    DPOTrainer     TRL's own loss (sigmoid)                  as `algorithms.preference`
    GRPOTrainer    TRL's own loss ("grpo")                   as `algorithms.grpo` and `algorithms.entropic`

The harness has made the rollouts and the verifier has judged them, so that GRPO's `rollout_func` returns what was
recorded. TRL divides rewards by their sample deviation plus 1e-4; the advantages that `objective` computed replace
them, so that both trainers learn the same.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from datasets import Dataset
from trl import DPOConfig, DPOTrainer, GRPOConfig, GRPOTrainer, SFTConfig, SFTTrainer
from trl.trainer.dpo_trainer import DataCollatorForPreference
from trl.trainer.sft_trainer import DataCollatorForLanguageModeling
from trl.trainer.utils import RepeatSampler

from engine.weights.sample import Call
from engine.weights.trl.rows import Batches, Row, filled

IGNORED = -100
"""The label of a token that is not learnt."""


KINDS = ("chosen_ids", "rejected_ids")


class Cloning(SFTTrainer):  # type: ignore[misc]  # untyped
    """Behavioural cloning with a weight for each row."""

    loss_is_scaled_for_ga = True  # the weights of all batches of a step sum to 1

    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """The weighted sum of negative log-probabilities; DDP averages it over processes."""
        weights = inputs.pop("weights")
        outputs = model(**inputs, use_cache=False, fused_lm_head=True)
        entropy = outputs.entropy.detach().sum() / outputs.label_mask.sum().clamp(min=1)
        self._metrics["train"]["entropy"].append(float(entropy))
        return -(weights * outputs.log_probs.sum(1)).sum() * self.accelerator.num_processes


class Preferring(DPOTrainer):  # type: ignore[misc]  # untyped
    """DPO; pairs of padding, of which TRL's loss is log 2, are taken out of the mean."""

    def _prepare_dataset(self, dataset: Any, *_: Any) -> Any:
        return dataset  # of tokens already

    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """TRL's loss as the mean over the step's pairs."""
        scales = inputs.pop("scales")
        loss = super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        padding = (scales == 0).float().mean()
        return (loss - padding * math.log(2)) * scales.max()


class Rewarding(GRPOTrainer):  # type: ignore[misc]  # untyped
    """GRPO on recorded rollouts: a row of the data set is the place of a call in `rows`."""

    def __init__(self, rows: Sequence[Row], samples: int, **given: Any) -> None:
        self.rows = rows
        self.scale = len(rows) / samples
        super().__init__(**given, rollout_func=self._recorded, reward_funcs=self._rewards)

    def _recorded(self, prompts: Sequence[str], _: Any) -> dict[str, Any]:
        calls = [self.rows[int(place)] for place in prompts]
        return {
            "prompt_ids": [list(row.call.prompt) for row in calls],
            "completion_ids": [list(row.call.tokens) for row in calls],
            "logprobs": None,
            "env_mask": [[int(not is_padding(row))] * len(row.call.tokens) for row in calls],
        }

    def _rewards(self, prompts: Sequence[str], **_: Any) -> list[float]:
        return [self.rows[int(place)].reward for place in prompts]

    def _get_train_sampler(self, dataset: Any = None) -> Any:
        return RepeatSampler(
            self.train_dataset,
            mini_repeat_count=1,
            batch_size=self.args.generation_batch_size,
            repeat_count=self.num_iterations * self.args.steps_per_generation,
            shuffle=False,
        )

    def _generate_and_score_completions(self, inputs: Any) -> Any:
        output = super()._generate_and_score_completions(inputs)
        known = [self.rows[int(one["prompt"])].weight for one in inputs]
        output["advantages"] = torch.tensor(known, device=self.accelerator.device)
        return output

    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """TRL's loss as the mean over samples, not over calls and padding."""
        return super().compute_loss(model, inputs, return_outputs, num_items_in_batch) * self.scale


def padding_row(token: int) -> Row:
    """A row that teaches nothing."""
    return Row(Call([token], [token]), 0.0, math.nan)


def is_padding(row: Row) -> bool:
    """Whether the row was made by `padding_row`."""
    return math.isnan(row.reward)


def cloning(
    steps: Sequence[Sequence[Row]], plan: Batches, given: dict[str, Any], same: dict[str, Any], pad: int
) -> Any:
    """The trainer of cloning, on rows in the order of `steps`."""
    rows = [row for step in steps for row in filled(step, plan.step, padding_row(pad))]
    theirs = DataCollatorForLanguageModeling(pad_token_id=pad)

    def collate(examples: list[dict[str, Any]]) -> dict[str, Any]:
        weights = torch.tensor([one["weight"] for one in examples])
        return {
            **theirs([{name: one[name] for name in ("input_ids", "labels")} for one in examples]),
            "weights": weights,
        }

    data = [
        {
            "input_ids": [*row.call.prompt, *row.call.tokens],
            "labels": [*[IGNORED] * len(row.call.prompt), *(row.call.tokens if not is_padding(row) else [IGNORED])],
            "weight": row.weight,
        }
        for row in rows
    ]
    told = SFTConfig(**same, max_length=None, dataset_kwargs={"skip_prepare_dataset": True})
    return Cloning(**given, args=told, train_dataset=Dataset.from_list(data), data_collator=collate)


def preferring(
    steps: Sequence[Sequence[tuple[Call, Call]]], plan: Batches, given: dict[str, Any], same: dict[str, Any], pad: int
) -> Any:
    """The trainer of DPO, on pairs in the order of `steps`. `beta` is in `same`."""
    theirs = DataCollatorForPreference(pad_token_id=pad)

    def collate(examples: list[dict[str, Any]]) -> dict[str, Any]:
        # TRL's collator takes one prompt for both, and the calls of two samples may have different ones
        whole = [
            {**one, "prompt_ids": [], **{kind: [*one[kind][0], *one[kind][1]] for kind in KINDS}} for one in examples
        ]
        found = theirs(whole)
        for place, (prompt, _) in enumerate(one[kind] for kind in KINDS for one in examples):
            found["completion_mask"][place, : len(prompt)] = 0
        return {**found, "scales": torch.tensor([one["scale"] for one in examples])}

    nothing = Call([pad, pad], [])
    data = [
        {
            "chosen_ids": [list(better.prompt), list(better.tokens)],
            "rejected_ids": [list(worse.prompt), list(worse.tokens)],
            "scale": plan.step / len(step) if better.tokens else 0.0,
        }
        for step in steps
        for better, worse in filled(step, plan.step, (nothing, nothing))
    ]
    told = DPOConfig(**same, max_length=None)
    return Preferring(**given, args=told, train_dataset=Dataset.from_list(data), data_collator=collate)


def rewarding(
    rows: Sequence[Row], samples: int, plan: Batches, given: dict[str, Any], same: dict[str, Any], pad: int
) -> Any:
    """The trainer of GRPO on these rows, each of which one "rollout" returns; `beta` and `epsilon` are in `same`."""
    every = filled(rows, plan.step * plan.steps, padding_row(pad))
    told = GRPOConfig(
        **same,
        num_generations=2,  # TRL's least; it groups rewards, which the advantages replace
        steps_per_generation=plan.accumulated * plan.steps,
        max_completion_length=max(len(row.call.tokens) for row in every),
        loss_type="grpo",
        scale_rewards="none",
        use_bias_correction_kl=False,  # ours is the plain estimator k3
        shuffle_dataset=False,
    )
    data = Dataset.from_list([{"prompt": str(place)} for place in range(len(every))])
    return Rewarding(every, samples, **given, args=told, train_dataset=data)
