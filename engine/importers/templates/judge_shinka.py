"""Runs a ShinkaEvolve evaluator as a script, and collects the two files that it writes."""

from __future__ import annotations

import importlib.util
import json
import math
import random
import runpy
import socket
import statistics
import sys
import time
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any


def main() -> None:
    """Evaluates `job["answer"]` and writes metrics and correctness to `job["out"]`."""
    job = json.loads(sys.argv[1])
    results = Path(job["answer"]).with_name("results")
    results.mkdir()
    sys.path.append(str(Path(__file__).parent))
    from judged_metrics import write

    _offer_evaluation()
    random.seed(job["seed"])
    if importlib.util.find_spec("numpy"):
        import numpy as np

        np.random.seed(job["seed"])
    program = Path(job["answer"], job["program"])
    if "line" in job:
        from stand_in import stand_in_for

        stand_in_for(program, socket.socket(fileno=job["line"]))
    sys.path.insert(0, job["task"])
    sys.argv = [job["evaluator"], "--program_path", str(program), "--results_dir", str(results)]
    write(job["out"], lambda: _evaluate(Path(job["task"], job["evaluator"]), results))


def _evaluate(script: Path, results: Path) -> dict[str, Any]:
    from judged_metrics import NotAScore, plain

    try:
        runpy.run_path(str(script), run_name="__main__")
    except SystemExit as ended:
        if ended.code not in (None, 0) and not (results / "metrics.json").exists():
            raise
    metrics = json.loads((results / "metrics.json").read_text(encoding="utf-8"))
    correct = json.loads((results / "correct.json").read_text(encoding="utf-8"))
    if not isinstance(metrics, dict):
        raise NotAScore("metrics.json holds no object")
    if not (isinstance(correct, dict) and correct.get("correct")):
        return {"metrics": plain(metrics), "correct": correct}
    if "combined_score" not in metrics:
        raise NotAScore(f"there is no combined_score among the metrics {sorted(metrics)}")
    return {"metrics": plain(metrics, "combined_score"), "correct": correct}


def _offer_evaluation() -> None:
    """Provides `shinka.core.run_shinka_eval`, which evaluators call, if it is not installed."""
    if importlib.util.find_spec("shinka") is None:
        package, module = types.ModuleType("shinka"), types.ModuleType("shinka.core")
        package.__path__ = []
        module.run_shinka_eval = run_shinka_eval  # type: ignore[attr-defined]
        sys.modules |= {"shinka": package, "shinka.core": module}


def run_shinka_eval(
    program_path: str,
    results_dir: str,
    experiment_fn_name: str,
    num_runs: int,
    get_experiment_kwargs: Callable[[int], dict[str, Any]] | None = None,
    aggregate_metrics_fn: Callable[[list[Any]], dict[str, Any]] | None = None,
    validate_fn: Callable[[Any], tuple[bool, str | None]] | None = None,
    **_: Any,
) -> tuple[dict[str, Any], bool, str | None]:
    """Runs a function of the program `num_runs` times in sequence; the program is correct if every run validates.

    Plots, early stopping and parallel runs are left out: they change no score.
    """
    from judged_metrics import NotAScore, number, plain

    metrics: dict[str, Any] = {"combined_score": 0.0}
    try:
        metrics, wrong = _measured(program_path, experiment_fn_name, num_runs, get_experiment_kwargs, validate_fn)
        results = metrics.pop("results")
        metrics = {**(aggregate_metrics_fn(results) if aggregate_metrics_fn else {}), **metrics}
        metrics.pop("extra_data", None)
        if not math.isfinite(number("combined_score", metrics.get("combined_score", 0.0))):
            wrong = wrong or f"combined_score is {metrics['combined_score']}"
    except NotAScore:
        raise
    except Exception as error:
        print(f"the evaluation failed: {type(error).__name__}: {error}")
        wrong = str(error) or type(error).__name__
    correct = wrong is None
    kept = plain(metrics, "combined_score" if correct else "")
    Path(results_dir, "metrics.json").write_text(json.dumps(kept))
    Path(results_dir, "correct.json").write_text(json.dumps({"correct": correct, "error": wrong}))
    return metrics, correct, wrong


def _measured(
    path: str,
    function: str,
    runs: int,
    arguments: Callable[[int], dict[str, Any]] | None,
    validate: Callable[[Any], tuple[bool, str | None]] | None,
) -> tuple[dict[str, Any], str | None]:
    spec = importlib.util.spec_from_file_location("program", path)
    assert spec and spec.loader  # noqa: S101 - a Python file
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    results, times, wrong = [], [], []
    for run in range(runs):
        keywords = arguments(run) if arguments else {"seed": run + 1}
        began = time.perf_counter()
        results.append(getattr(module, function)(**keywords))
        times.append(time.perf_counter() - began)
        valid, why = validate(results[-1]) if validate else (True, None)
        if not valid:
            wrong.append(f"Validation failed: {why}")
    metrics = {"results": results, "execution_time_mean": statistics.fmean(times) if times else 0.0}
    return metrics, wrong[0] if wrong else None


if __name__ == "__main__":
    main()
