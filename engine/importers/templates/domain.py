"""Another tool's task as a domain: every instance is one evaluation of the same program by the task's evaluator.

The evaluator runs in a sandbox; this module turns its metrics into a score by the other tool's rule.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from domains.contract import Grade, Graded, Instance, Split, Summary

HERE = Path(__file__).parent
DETERMINISTIC = {"train": 2, "val": 1, "test": 1}
NOISY = {"train": 4, "val": 8, "test": 8}
"""At the levels of a short run, a paired test needs at least eight pairs to accept."""


class AdoptedTask:
    """The domain. `task` is the recognised task, `noise` the scores of the first program, graded several times."""

    def __init__(self, task: Mapping[str, Any], noise: Mapping[str, Any]) -> None:
        self._task, self._noise = task, noise

    def digest(self) -> str:
        """The task's digest, and whether grades are noisy, which sets the number of instances."""
        return f"{self._task['digest']} {bool(self._noise.get('noisy'))}"

    def instances(self, split: Split) -> Sequence[Instance]:
        """The evaluations, more of them if grades are noisy."""
        counts = NOISY if self._noise.get("noisy") else DETERMINISTIC
        names = [f"{split}-{number + 1}" for number in range(counts[split])]
        return [Instance(name, data=name) for name in names]

    def grade(self, instance: Instance, answer: Any) -> Grade:
        """The score by the other tool's rule, or the failure score."""
        failed = float(self._noise.get("failure_score", 0.0))
        if not isinstance(answer, dict) or not isinstance(metrics := answer.get("metrics"), dict):
            return Grade(score=failed, detail="the evaluator gave no metrics")
        numbers = {name: float(value) for name, value in metrics.items() if _number(value)}
        values = ", ".join(f"{name} {value:.6g}" for name, value in numbers.items())
        correct = answer.get("correct")
        if correct is not None and not (isinstance(correct, dict) and correct.get("correct")):
            why = correct.get("error") if isinstance(correct, dict) else ""
            return Grade(score=failed, detail=f"not correct: {why}", measures=numbers)
        score = _score(self._task["kind"], metrics, numbers, self._task["cascade"]["features"])
        if score is None:
            return Grade(score=failed, detail=f"no score among {sorted(metrics)}", measures=numbers)
        most = self._task.get("score_max")
        if most is not None and score > most + 1e-9 * abs(most):
            why = f"a score of {score:g} is above {most:g}, the highest that the task can give"
            return Grade(score=failed, refused=why, detail=why, measures=numbers)
        return Grade(score=score, detail=values, measures=numbers)

    def summarise(self, split: Split, graded: Sequence[Graded]) -> Summary:
        """No report beside the mean."""
        return Summary()

    def baselines(self, train: Sequence[Instance], on: Sequence[Instance]) -> Mapping[str, Sequence[Any]]:
        """None: the first program is the baseline."""
        return {}


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _score(
    kind: str, metrics: Mapping[str, Any], numbers: Mapping[str, float], features: Sequence[str]
) -> float | None:
    """OpenEvolve: combined_score, else the mean of all numbers but the features of its map of elites. ShinkaEvolve:
    combined_score. SIA names none: score, accuracy, combined_score, else the first number."""
    if kind == "sia":
        named = (numbers[name] for name in ("score", "accuracy", "combined_score") if name in numbers)
        return next(named, next(iter(numbers.values()), None))
    if kind == "shinka" or isinstance(metrics.get("combined_score"), int | float):
        return numbers.get("combined_score")
    counted = [value for name, value in numbers.items() if name not in features] or list(numbers.values())
    return sum(counted) / len(counted) if counted else None


def load(data: Path | None) -> AdoptedTask:
    """The task beside this file."""
    noise = HERE / "noise.json"
    return AdoptedTask(
        json.loads((HERE / "task.json").read_text()), json.loads(noise.read_text()) if noise.is_file() else {}
    )
