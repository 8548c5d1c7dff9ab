"""Rules by which the search agent chooses the lever and the training algorithm, each with its reason. Pure.

Harness first, weights once progress stalls, as in the paper (arXiv 2605.27276). An Improvement of the harness searches
until it stalls, so the levers alternate: new weights give the search something new to find.
The algorithm follows the paper's table, as far as the results in the log decide it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import msgspec

from engine.agents.protocol import View
from engine.events import types as t
from engine.plain import plural
from harness_repo.tunable import Value

COLD = 0.6
"""The mean reward below which successful rollouts are cloned first."""
SKEWED = 2.0
"""The skewness of rewards above which the entropic algorithm is used."""
_SMALL: Mapping[str, Value] = {"learning_rate": 5e-5, "batch": 16, "instances": 140, "samples": 8}
RECIPES: Mapping[str, Mapping[str, Value]] = {
    "best-of-n": {**_SMALL, "rounds": 2},
    "grpo": {**_SMALL, "rounds": 3},
    "entropic": {**_SMALL, "rounds": 3},
    "reinforce": {**_SMALL, "rounds": 3},
}
"""Recipes measured with a model of 135M parameters on two cores; `docs/weights.md` has the figures."""


class TrainingChoice(msgspec.Struct, frozen=True):
    """A decision to train: algorithm, hyper-parameters and reason."""

    algorithm: str
    recipe: Mapping[str, Value]
    reason: str


def choose_training(view: View, *, trainable: bool) -> TrainingChoice | None:
    """The next training; None if the harness is to be changed instead."""
    policy = view.settings.lever
    if not trainable or policy not in ("auto", "weights"):
        return None
    why = "this run trains weights only" if policy == "weights" else _why(view)
    return None if why is None else _algorithm(view, why)


def _why(view: View) -> str | None:
    """Why the weights are next; None if the harness is."""
    if not view.harness.manifest.tunables:
        return "the harness declares nothing to search"
    last = view.past[-1].lever
    lever: t.Lever = "harness" if last is None else _other(last)
    why = "the search of the harness stalled"
    if len(view.failed) % 2:
        lever, why = _other(lever), f"the {lever} lever produced no candidate"
    return why if lever == "weights" else None


def _other(lever: t.Lever) -> t.Lever:
    return "harness" if lever == "weights" else "weights"


def _algorithm(view: View, why: str) -> TrainingChoice:
    rewards = [result.score for result in view.train]
    reward = math.fsum(rewards) / len(rewards) if rewards else 0.0
    trained = [past for past in view.past if past.lever == "weights"]
    rejected = bool(trained) and not trained[-1].accepted
    if set(rewards) - {0.0, 1.0} and _skewness(rewards) > SKEWED:
        algorithm, because = "entropic", "rewards are right-skewed, with rare successes"
    elif not trained and reward < COLD:
        algorithm, because = "best-of-n", f"this is a cold start (mean reward {reward:.3f}): clone successes first"
    elif rejected:
        algorithm, because = "reinforce", "the last training was not accepted: small steps, close to the base model"
    else:
        algorithm, because = "grpo", f"rollouts are cheap and graded at their end (mean reward {reward:.3f})"
    return TrainingChoice(
        algorithm, RECIPES[algorithm], f"train the weights, since {why}; {algorithm}, since {because}"
    )


def _skewness(values: Sequence[float]) -> float:
    """The third standardized moment; 0 if all values are equal."""
    middle = math.fsum(values) / len(values)
    spread = math.sqrt(math.fsum((value - middle) ** 2 for value in values) / len(values))
    return math.fsum(((value - middle) / spread) ** 3 for value in values) / len(values) if spread else 0.0


def to_analysis(view: View, choice: TrainingChoice, findings: str) -> t.AnalysisFinished:
    """The decision as the event that records it."""
    rollouts = int(choice.recipe["rounds"]) * int(choice.recipe["instances"]) * int(choice.recipe["samples"])
    return t.AnalysisFinished(
        findings=findings,
        lever="weights",
        reason=choice.reason,
        evidence=list(view.evidence),
        algorithm=choice.algorithm,
        recipe=dict(choice.recipe),
        cost_estimate=f"{plural(rollouts, 'rollout')} at most",
    )
