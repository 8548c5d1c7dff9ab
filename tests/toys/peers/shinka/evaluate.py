"""How near is guess(x) to x - x ** 3 / 8?"""

import argparse
import importlib.util
import json
from pathlib import Path


def main(program_path: str, results_dir: str) -> None:
    spec = importlib.util.spec_from_file_location("program", program_path)
    program = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(program)
    points = [number / 10 for number in range(-20, 21)]
    error = sum(abs(program.guess(x) - (x - x**3 / 8)) for x in points) / len(points)
    results = Path(results_dir)
    results.mkdir(parents=True, exist_ok=True)
    correct = abs(program.guess(0.0)) < 1e-9
    metrics = {"combined_score": 1 / (1 + error), "public": {"error": error}, "private": {}}
    (results / "metrics.json").write_text(json.dumps(metrics))
    (results / "correct.json").write_text(
        json.dumps({"correct": correct, "error": None if correct else "guess(0) is not 0"})
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--program_path", required=True)
    parser.add_argument("--results_dir", required=True)
    arguments = parser.parse_args()
    main(arguments.program_path, arguments.results_dir)
