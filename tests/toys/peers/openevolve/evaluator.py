"""Two stages; reads a file by a relative path, writes one beside itself, starts a process."""

import importlib.util
import subprocess
import sys
from pathlib import Path

from helper import TARGET
from openevolve.evaluation_result import EvaluationResult


def load(path):
    spec = importlib.util.spec_from_file_location("program", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def evaluate_stage1(program_path):
    program = load(program_path)
    return {"combined_score": 1.0 if callable(program.search) else 0.0, "ran": 1.0}


def evaluate_stage2(program_path):
    return evaluate(program_path)


def evaluate(program_path):
    program = load(program_path)
    away = sum(abs(program.search() - TARGET) for _ in range(5)) / 5
    Path("scratch.txt").write_text(Path("data/target.txt").read_text())
    said = subprocess.run([sys.executable, "-c", "print(41 + 1)"], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "42"
    return EvaluationResult(metrics={"combined_score": 1 / (1 + away), "note": "a word"}, artifacts={"away": str(away)})
