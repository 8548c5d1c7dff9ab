"""Scores of adopted evaluators: read as what they are, or refused with the value seen; extra metrics do no harm."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest import mock

import numpy  # noqa: F401 - before `judge` puts sys.modules back: numpy cannot be imported twice
import pytest

import engine.importers
from domains.contract import Instance

TEMPLATES = Path(engine.importers.__file__).parent / "templates"
OPENEVOLVE = "import decimal, fractions\nimport numpy as np\n\ndef evaluate(path):\n    return {}\n"
SHINKA = """import json, sys
metrics, correct = {}, {}
open(sys.argv[4] + "/metrics.json", "w").write(json.dumps(metrics))
open(sys.argv[4] + "/correct.json", "w").write(json.dumps({{"correct": correct}}))
"""
RUN_SHINKA = """import decimal, sys
import numpy as np
from shinka.core import run_shinka_eval
run_shinka_eval(sys.argv[2], sys.argv[4], "run", 1, aggregate_metrics_fn=lambda results: {})
"""
SIA = "import json, sys\nopen(sys.argv[2] + '/results.json', 'w').write(json.dumps({}))\n"


def _module(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"adopted_{name}", TEMPLATES / f"{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def judge(folder: Path, kind: str, evaluator: str) -> Any:
    """What the judge of a format writes for this evaluator."""
    task, answer, out = folder / "task", folder / "answer", folder / "measured.json"
    for place in (task, answer):
        place.mkdir()
    (task / "evaluator.py").write_text(evaluator)
    (answer / "program.py").write_text("def run(seed):\n    return seed\n")
    cascade = {"staged": True, "thresholds": [0.5], "features": ["complexity"]}
    job = {"task": str(task), "answer": str(answer), "out": str(out), "seed": 1, "cascade": cascade}
    job |= {"evaluator": "evaluator.py", "program": "program.py"}
    argv, path = ["judge.py", json.dumps(job)], [*sys.path]
    with mock.patch.dict(sys.modules), mock.patch.object(sys, "argv", argv), mock.patch.object(sys, "path", path):
        _module(f"judge_{kind}").main()
    return json.loads(out.read_text())


def scored(folder: Path, kind: str, evaluator: str) -> float:
    """The score that the domain makes of what the judge writes."""
    measured = judge(folder, kind, evaluator)
    assert "refused" not in measured, measured
    task = {"kind": kind, "digest": "", "cascade": {"features": ["complexity"]}}
    domain = _module("domain").AdoptedTask(task, {"failure_score": -99.0})
    return float(domain.grade(Instance("val-1", data=None), measured).score)


@pytest.mark.parametrize(
    ("metrics", "score"),
    [
        ('{"combined_score": "0.2000", "runtime_s": 12.5}', 0.2),
        ('{"combined_score": decimal.Decimal("0.93"), "runtime_s": 12.5}', 0.93),
        ('{"combined_score": fractions.Fraction(1, 4), "runtime_s": 12.5}', 0.25),
        ('{"combined_score": np.float32(0.5), "runtime_s": 12.5}', 0.5),
        ('{"combined_score": np.array([0.5]), "runtime_s": 12.5}', 0.5),
        ('{"combined_score": True, "runtime_s": 12.5}', 1.0),
        ('{"combined_score": -4.0, "trace": np.zeros(5)}', -4.0),
        ('{"combined_score": 0.5, "loss": float("nan"), "count": 10**400, "note": "\\ud83d", 3: [np.ones(2)]}', 0.5),
        ('{"combined_score": 0.5, "a\\ud800": 1}', 0.5),
        ('{"combined_score": 0.5, "object": type("Bad", (), {"__repr__": None, "shape": ()})()}', 0.5),
        ('{"accuracy": 0.25, "recall": np.float64(0.75), "trace": np.zeros(5), "complexity": 9}', 0.5),
    ],
)
def test_a_score_of_openevolve_is_what_float_takes_and_extras_are_left_alone(
    tmp_path: Path, metrics: str, score: float
) -> None:
    assert scored(tmp_path, "openevolve", OPENEVOLVE.format(metrics)) == pytest.approx(score)


@pytest.mark.parametrize(
    ("result", "says"),
    [
        ('{"combined_score": "n/a", "runtime_s": 12.5}', "combined_score is 'n/a' (of type str), not a number"),
        ('{"combined_score": None, "runtime_s": 12.5}', "combined_score is None (of type NoneType), not a number"),
        ('{"combined_score": np.zeros(2)}', "combined_score is array([0., 0.]) (of type ndarray), not a number"),
        ('{"combined_score": 10**400}', "combined_score is an integer beyond any float, not a finite number"),
        ('{"combined_score": "x" * 100}', "combined_score is 'xxx"),
        ('{"combined_score": "x" * 100}', "x… (of type str), not a number"),
        ('{"combined_score": "nan", "runtime_s": 12.5}', "combined_score is nan, not a finite number"),
        ('{"accuracy": "0.9"}', "there is no number among the metrics {'accuracy': \"'0.9'\"}"),
        ("0.8", "the evaluator returned a value of type float, not a dictionary of metrics"),
    ],
)
def test_a_score_of_openevolve_that_is_not_understood_is_refused_with_what_was_seen(
    tmp_path: Path, result: str, says: str
) -> None:
    assert says in judge(tmp_path, "openevolve", OPENEVOLVE.format(result))["refused"]


def test_a_score_as_text_counts_in_every_stage(tmp_path: Path) -> None:
    evaluator = (
        "def evaluate_stage1(path):\n    return {'combined_score': '0.6', 'runtime_s': 0.1}\n"
        "def evaluate_stage2(path):\n    return {'combined_score': '0.7'}\n"
    )
    assert scored(tmp_path, "openevolve", evaluator) == 0.7


@pytest.mark.parametrize(
    ("kind", "evaluator", "score"),
    [
        ("shinka", SHINKA.format('{"combined_score": "0.25", "runtime_s": 12.5}', True), 0.25),
        ("shinka", SHINKA.format('{"combined_score": "n/a"}', False), -99),
        ("shinka", SHINKA.format("{}", False), -99),
        ("shinka", RUN_SHINKA.format('{"combined_score": decimal.Decimal("0.5"), "trace": np.zeros(3)}'), 0.5),
        ("shinka", RUN_SHINKA.format('{"combined_score": float("nan")}'), -99),
        ("sia", SIA.format('{"seconds": 12.5, "score": "0.25", "rows": [1, 2]}'), 0.25),
        ("sia", SIA.format('{"n": 3, "rows": [1, 2]}'), 3),
    ],
)
def test_scores_of_shinkaevolve_and_sia_are_read_alike(tmp_path: Path, kind: str, evaluator: str, score: float) -> None:
    assert scored(tmp_path, kind, evaluator) == score


@pytest.mark.parametrize(
    ("kind", "evaluator", "says"),
    [
        ("shinka", SHINKA.format('{"combined_score": "n/a", "runtime_s": 12.5}', True), "combined_score is 'n/a'"),
        ("shinka", SHINKA.format('{"score": 0.5}', True), "there is no combined_score among the metrics ['score']"),
        ("shinka", RUN_SHINKA.format('{"combined_score": "n/a"}'), "combined_score is 'n/a'"),
        ("sia", SIA.format('{"seconds": 12.5, "score": "the answer"}'), "score in the results.json of evaluator.py"),
        ("sia", SIA.format('{"note": "the answer"}'), "there is no number in the results.json"),
        ("sia", SIA.format("[1]"), "a results.json that holds no object"),
    ],
)
def test_scores_of_shinkaevolve_and_sia_that_are_not_understood_are_refused(
    tmp_path: Path, kind: str, evaluator: str, says: str
) -> None:
    refused = judge(tmp_path, kind, evaluator)["refused"]
    assert says in refused and "the answer" not in refused  # of private data only the type is told
