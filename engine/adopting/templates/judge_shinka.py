"""Runs a ShinkaEvolve evaluator as the script that it is, and collects the two files that it writes."""

from __future__ import annotations

import importlib.util
import json
import random
import runpy
import sys
from pathlib import Path


def main() -> None:
    """Evaluates `job["answer"]` and writes metrics and correctness to `job["out"]`."""
    job = json.loads(sys.argv[1])
    results = Path(job["answer"]).with_name("results")
    results.mkdir()
    random.seed(job["seed"])
    if importlib.util.find_spec("numpy"):
        import numpy as np

        np.random.seed(job["seed"])
    program = Path(job["answer"], job["program"])
    sys.path.insert(0, job["task"])
    sys.argv = [job["evaluator"], "--program_path", str(program), "--results_dir", str(results)]
    try:
        runpy.run_path(str(Path(job["task"], job["evaluator"])), run_name="__main__")
    except SystemExit as ended:
        if ended.code not in (None, 0) and not (results / "metrics.json").exists():
            raise
    measured = {
        "metrics": json.loads((results / "metrics.json").read_text()),
        "correct": json.loads((results / "correct.json").read_text()),
    }
    Path(job["out"]).write_text(json.dumps(measured))


if __name__ == "__main__":
    main()
