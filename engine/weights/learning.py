"""Our trainer: the training loop that all algorithms share.

    before the first step: old log-probabilities, the base model's, values
    for each epoch, for each batch of instances in a seeded order:
        loss and gradient, in portions that fit into memory; gradient clipping; a step of AdamW

Rewards become advantages in `objective` and `algorithms`; here they are combined with the log-probabilities of the
sampled tokens, which are recomputed. Randomness is a function of (seed, round, epoch), so that a checkpoint needs no
random state.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from typing import Any, NamedTuple, assert_never

import torch

from engine.models.backends.trie import Row
from engine.seeds import derive
from engine.weights.algorithms import losses, ppo
from engine.weights.learner import PORTION, Learner, Report, Tally, sequence
from engine.weights.round import Round, pairs, portions, steps

CLIPPED = ("grpo", "ppo", "entropic")
"""The algorithms with the clipped surrogate loss, which needs the log-probabilities from before the first step."""


class LossInputs(NamedTuple):
    """Inputs of the loss, fixed before the first step of a round: tensors with one value for each entry."""

    advantage: Any
    weight: Any
    old: Any
    base: Any
    target: Any


class OwnLearner(Learner):
    """Our loop: shared beginnings of samples are computed once."""

    def _take_steps(self, number: int, round: Round, advantages: Sequence[float], tally: Tally, report: Report) -> None:
        began = reported = time.monotonic()
        inputs, tokens = self._loss_inputs(round, advantages), 0
        plan = [
            step
            for epoch in range(self.recipe.epochs)
            for step in steps(round, self.recipe.batch, derive(self.seed, "order", number, epoch))
        ]
        for done, units in enumerate(plan, 1):
            self._step(round, units, inputs, tally)
            tokens += sum(sequence(round.samples[place]) for unit in units for place in round.groups[unit])
            now = time.monotonic()
            if now - reported >= 1:
                reported = now
                report({"step": done, "steps": len(plan), "tokens_s": tokens / (now - began), **tally.means()})

    def _loss_inputs(self, round: Round, advantages: Sequence[float]) -> LossInputs:
        """The inputs of the loss that do not change during the round."""
        count, algorithm = len(round.owner), self.recipe.algorithm
        old, base, values = (torch.zeros(count) for _ in range(3))
        clipped = algorithm in CLIPPED
        with torch.no_grad():
            for some in portions(round.units, 4 * PORTION):
                entries, nodes = round.entries(some)
                if clipped:
                    prediction = self._predict(some)
                    old[entries] = prediction.logprobs[nodes].cpu()
                    if self.value:
                        values[entries] = self.value(prediction.hidden)[:, 0][prediction.place[nodes]].cpu()
                if self.recipe.kl > 0 or algorithm == "dpo":
                    with self.policy.base():
                        base[entries] = self.policy.predict(some, self.recipe.temperature).logprobs[nodes].cpu()
        advantage = torch.tensor([advantages[place] for place in round.owner])
        weight = torch.ones(count)
        target = torch.zeros(count)
        if algorithm in ("grpo", "entropic"):  # the mean over a sample's tokens
            weight = torch.tensor([1 / len(round.episodes[place]) for place in round.owner])
        if algorithm == "best-of-n":
            advantage, weight = weight, advantage
        if algorithm == "ppo":
            found = self._estimate_advantages(round, values)
            target = found + values
            advantage = torch.tensor(ppo.whiten(found.tolist()))
        device = self.policy.device
        return LossInputs(*(tensor.to(device) for tensor in (advantage, weight, old, base, target)))

    def _estimate_advantages(self, round: Round, values: Any) -> Any:
        found = torch.zeros(len(round.owner))
        for place, episode in round.episodes.items():
            own = values[episode.start : episode.stop].tolist()
            reward, recipe = round.samples[place].reward, self.recipe
            found[episode.start : episode.stop] = torch.tensor(
                ppo.estimate_advantages(own, reward, recipe.discount, recipe.gae_lambda)
            )
        return found

    def _predict(self, some: Sequence[Row]) -> Any:
        return self.policy.predict(some, self.recipe.temperature, hidden=self.value is not None)

    def _step(self, round: Round, units: Sequence[int], inputs: LossInputs, tally: Tally) -> None:
        """One gradient step on some units; skipped and counted if the gradient is not finite."""
        whole = self.recipe.algorithm == "dpo"
        divisor = self._divisor(round, units, inputs)
        for some in portions([round.units[unit] for unit in units], PORTION, whole=whole):
            entries, nodes = round.entries(some)
            at = torch.tensor(entries, device=self.policy.device)
            prediction = self._predict(some)
            logprob = prediction.logprobs[nodes]
            given = (at, logprob, inputs)
            loss = self._preference_loss(round, *given) if whole else self._surrogate_loss(*given, tally)
            if self.value:
                expected = self.value(prediction.hidden.detach())[:, 0][prediction.place[nodes]]
                loss = loss + (0.5 * (expected - inputs.target[at]) ** 2 * inputs.weight[at]).sum()
            (loss / divisor).backward()
            tally.add("loss", float(loss.detach()) / divisor, 0)
            tally.add("entropy", float(prediction.entropy().detach().sum()), len(prediction.lines))
        tally.add("loss", 0.0)
        self._update(tally)

    def _divisor(self, round: Round, units: Sequence[int], inputs: LossInputs) -> float:
        """What a batch's loss is divided by: samples, or tokens (PPO), shares (best-of-n), pairs (DPO)."""
        places = [place for unit in units for place in round.groups[unit]]
        match self.recipe.algorithm:
            case "dpo":
                return max(1, sum(len(pairs(round, unit)) for unit in units))
            case "best-of-n":
                return float(sum(inputs.weight[round.episodes[place].start] for place in places))
            case "ppo":
                return sum(len(round.episodes[place]) for place in places)
            case "grpo" | "entropic" | "reinforce":
                return len(places)
            case unknown:
                assert_never(unknown)

    def _surrogate_loss(self, at: Any, logprob: Any, inputs: LossInputs, tally: Tally) -> Any:
        """The summed loss of some entries, for all algorithms but DPO."""
        advantage, old, weight = inputs.advantage[at], inputs.old[at], inputs.weight[at]
        if self.recipe.algorithm in CLIPPED:
            terms = losses.surrogate(logprob, old, advantage, self.recipe.clip)
            flat = losses.clipped(logprob.detach(), old, advantage, self.recipe.clip)
            tally.add("clip_share", float(flat.sum()), len(flat))
        else:
            terms = -advantage * logprob
        if self.recipe.kl > 0:
            terms = terms + self.recipe.kl * losses.divergence(logprob, inputs.base[at])
        return (weight * terms).sum()

    def _preference_loss(self, round: Round, at: Any, logprob: Any, inputs: LossInputs) -> Any:
        """DPO's summed loss over the pairs of the units in these rows."""
        gain = torch.zeros(len(round.samples), device=at.device)
        owner = torch.tensor([round.owner[entry] for entry in at.tolist()], device=at.device)
        gain = gain.index_add(0, owner, logprob - inputs.base[at])
        here = set(owner.tolist())
        matched = [pair for unit in range(len(round.units)) for pair in pairs(round, unit) if pair[0] in here]
        better, worse = zip(*matched, strict=True)
        margin = self.recipe.preference_beta * (gain[list(better)] - gain[list(worse)])
        return losses.preference(margin).sum()

    def _update(self, tally: Tally) -> None:
        self._set_rates()
        adapter = self._optimizer.param_groups[0]["params"]
        norm = float(torch.nn.utils.clip_grad_norm_(adapter, self.recipe.max_grad_norm))
        if math.isfinite(norm):
            self._optimizer.step()
            tally.add("grad_norm", norm)
        tally.add("skipped", float(not math.isfinite(norm)))
        self._optimizer.zero_grad(set_to_none=True)
        self.steps += 1
