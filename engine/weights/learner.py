"""What all trainers share: the policy, its optimizer, the measures of a round, and the state to checkpoint.

A trainer decides how a round's gradient steps are computed; rewards become advantages in `objective` before, and the
policy is compared with its base afterwards. Both trainers use one optimizer over the same tensors, so that a state of
one can be resumed by the other.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

import torch

from engine.seeds import derive
from engine.weights import objective
from engine.weights.policy import Policy
from engine.weights.recipe import Recipe
from engine.weights.round import Round, lay_out, portions, steps
from engine.weights.sample import Sample

PORTION = 768
"""Tokens per gradient computation, padding included: their activations must fit into memory."""
COMPARED = 16
"""The most prompts on which the policy is compared with the base after a round."""
Report = Callable[[dict[str, float]], None]


class Tally:
    """Sums over a round's steps; the round's measures are their means."""

    def __init__(self) -> None:
        self.sums: dict[str, float] = {}
        self.counts: dict[str, float] = {}

    def add(self, name: str, value: float, count: float = 1.0) -> None:
        """Adds `value`, a sum over `count` items."""
        self.sums[name] = self.sums.get(name, 0.0) + value
        self.counts[name] = self.counts.get(name, 0.0) + count

    def means(self) -> dict[str, float]:
        """The mean of each name that has a count."""
        return {name: self.sums[name] / count for name, count in self.counts.items() if count}


class Learner(ABC):
    """A policy with its optimizer. `steps` counts gradient steps over all rounds."""

    def __init__(self, policy: Policy, recipe: Recipe, seed: int) -> None:
        self.policy, self.recipe, self.seed = policy, recipe, seed
        self.steps = 0
        self.value: Any = None
        parameters: list[dict[str, Any]] = [{"params": list(policy.trained.values()), "lr": recipe.learning_rate}]
        if recipe.algorithm == "ppo":
            self.value = torch.nn.Linear(policy.width, 1).to(policy.device)
            torch.nn.init.zeros_(self.value.weight)
            torch.nn.init.zeros_(self.value.bias)
            parameters.append({"params": list(self.value.parameters()), "lr": recipe.value_rate})
        self._optimizer = torch.optim.AdamW(parameters, weight_decay=0.0)
        self._rates = [group["lr"] for group in self._optimizer.param_groups]

    def state(self) -> dict[str, Any]:
        """The state to checkpoint beside the adapter."""
        value = self.value.state_dict() if self.value else None
        return {"steps": self.steps, "optimizer": self._optimizer.state_dict(), "value": value}

    def restore(self, state: dict[str, Any]) -> None:
        """Restores a `state`."""
        self.steps = state["steps"]
        self._optimizer.load_state_dict(state["optimizer"])
        if self.value:
            self.value.load_state_dict(state["value"])

    def learn(self, number: int, samples: Sequence[Sample], report: Report) -> dict[str, float]:
        """Learns from the samples of a round; returns its measures.

        `reward`, `reward_sd`, `samples`, `taught` (samples with a gradient), `steps`, `skipped` (share of the steps
        whose gradient was not finite), `loss`, `grad_norm`, `clip_share`, `kl` and `entropy` (nats per token, after
        the round), `tokens` (of all trained sequences, prompts included), `tokens_s`, `seconds`.
        """
        began, before = time.monotonic(), self.steps
        grouped = objective.group_by_instance(samples)
        advantages = objective.advantages(self.recipe, samples, grouped)
        trainable = lay_out(samples, objective.trainable_groups(self.recipe, samples, advantages, grouped))
        tally = Tally()
        if trainable.units:
            self._take_steps(number, trainable, advantages, tally, report)
        taught = [place for group in trainable.groups for place in group]
        tokens = self.recipe.epochs * sum(sequence(samples[place]) for place in taught)
        seconds = time.monotonic() - began
        rewards = torch.tensor([sample.reward for sample in samples], dtype=torch.float64)
        return {
            **tally.means(),
            **self._compare_with_base(lay_out(samples, grouped), number),
            "reward": float(rewards.mean()),
            "reward_sd": float(rewards.std(correction=0)),
            "samples": len(samples),
            "taught": trainable.taught,
            "steps": self.steps - before,
            "tokens": tokens,
            "tokens_s": tokens / seconds,
            "seconds": time.monotonic() - began,
        }

    @abstractmethod
    def _take_steps(self, number: int, round: Round, advantages: Sequence[float], tally: Tally, report: Report) -> None:
        """The gradient steps of a round that has something to teach; each is counted in `steps`."""

    def _set_rates(self) -> None:
        """Sets the learning rates of the next gradient step."""
        for group, rate in zip(self._optimizer.param_groups, self._rates, strict=True):
            group["lr"] = rate * min(1.0, (self.steps + 1) / (self.recipe.warmup or 1))

    def _compare_with_base(self, round: Round, number: int) -> dict[str, float]:
        """KL from the base and entropy, exact over the vocabulary, at states of a few prompts of the round."""
        order = steps(round, 1, derive(self.seed, "look", number))
        chosen = [round.units[unit] for (unit,) in order[:COMPARED]]
        divergence = entropy = count = 0.0
        with torch.inference_mode():
            for some in portions([unit[:1] for unit in chosen], PORTION):
                prediction = self.policy.predict(some, self.recipe.temperature)
                with self.policy.base():
                    base = self.policy.predict(some, self.recipe.temperature)
                divergence += float((prediction.lines.exp() * (prediction.lines - base.lines)).sum())
                entropy += float(prediction.entropy().sum())
                count += len(prediction.lines)
        return {"kl": divergence / count, "entropy": entropy / count} if count else {}


def sequence(sample: Sample) -> int:
    """The number of tokens of a sample's calls, prompts included."""
    return sum(len(call.prompt) + len(call.tokens) for call in sample.calls)
