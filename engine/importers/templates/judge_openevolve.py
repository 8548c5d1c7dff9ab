"""Runs an OpenEvolve evaluator as OpenEvolve does: in stages where it has them, each behind a threshold."""

from __future__ import annotations

import importlib.util
import json
import random
import socket
import sys
import types
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class EvaluationResult:
    """The result type that OpenEvolve's evaluators may return instead of a dictionary."""

    metrics: dict[str, Any]
    artifacts: dict[str, Any] = field(default_factory=dict)


def main() -> None:
    """Evaluates `job["answer"]` and writes the metrics to `job["out"]`."""
    job = json.loads(sys.argv[1])
    sys.path.append(str(Path(__file__).parent))
    from judged_metrics import write

    _offer_result()
    sys.path.insert(0, job["task"])
    _seed(job["seed"])
    if "line" in job:
        from stand_in import stand_in_for

        stand_in_for(Path(job["answer"], job["program"]), socket.socket(fileno=job["line"]))
    write(job["out"], lambda: {"metrics": _evaluate(job)})


def _evaluate(job: dict[str, Any]) -> dict[str, Any]:
    from judged_metrics import require_number

    module = _load(Path(job["task"], job["evaluator"]))
    found = _staged(module, str(Path(job["answer"], job["program"])), job["cascade"])
    require_number(found)
    return found


def _offer_result() -> None:
    """Provides the result type under OpenEvolve's name, from which evaluators import it, if it is not installed."""
    if importlib.util.find_spec("openevolve") is None:
        package, module = types.ModuleType("openevolve"), types.ModuleType("openevolve.evaluation_result")
        package.__path__ = []
        module.EvaluationResult = EvaluationResult  # type: ignore[attr-defined]
        sys.modules |= {"openevolve": package, "openevolve.evaluation_result": module}


def _seed(seed: int) -> None:
    random.seed(seed)
    if importlib.util.find_spec("numpy"):
        import numpy as np

        np.random.seed(seed)


def _load(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location("evaluation_module", path)
    assert spec and spec.loader  # noqa: S101 - a Python file
    module = importlib.util.module_from_spec(spec)
    sys.modules["evaluation_module"] = module
    spec.loader.exec_module(module)
    return module


def _staged(module: Any, program: str, cascade: dict[str, Any]) -> dict[str, Any]:
    first = getattr(module, "evaluate_stage1", None)
    if not cascade["staged"] or first is None:
        return _metrics(module.evaluate(program))
    found = _metrics(first(program))
    merged = False
    for number, threshold in zip((2, 3), cascade["thresholds"], strict=False):
        stage = getattr(module, f"evaluate_stage{number}", None)
        if stage is None or not _passes(found, threshold):
            break
        try:
            more = _metrics(stage(program))
        except Exception as error:
            print(f"stage {number} failed: {type(error).__name__}: {error}", file=sys.stderr)
            return {**found, f"stage{number}_passed": 0.0}
        found = {**(found if merged else _numbers(found)), **_numbers(more)}
        merged = True
    return found


def _metrics(result: Any) -> dict[str, Any]:
    from judged_metrics import NotAScore, plain

    metrics = getattr(result, "metrics", result)
    if not isinstance(metrics, dict):
        raise NotAScore(f"the evaluator returned a value of type {type(result).__name__}, not a dictionary of metrics")
    found: dict[str, Any] = plain(metrics, "combined_score")
    return found


def _numbers(metrics: dict[str, Any]) -> dict[str, Any]:
    return {name: float(value) for name, value in metrics.items() if isinstance(value, int | float) and name != "error"}


def _passes(metrics: dict[str, Any], threshold: float) -> bool:
    if "combined_score" in metrics:
        return bool(metrics["combined_score"] >= threshold)
    numbers = list(_numbers(metrics).values())
    return bool(numbers) and sum(numbers) / len(numbers) >= threshold


if __name__ == "__main__":
    main()
