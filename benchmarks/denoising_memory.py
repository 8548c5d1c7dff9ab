"""What denoising takes at the size of a real experiment, on simulated counts: seconds and peak memory of each process.

    python -m benchmarks.denoising_memory [--cells 2900 29000] [--genes 14000]

Prints one JSON object a line. `open` loads the domain and forms the instances of val; `solve` answers one of them with
the costliest structure of the seed harness; `grade` judges that answer, the floor left out. Blocks hold at most 3,000
cells, so `solve` and `grade` do not grow beyond them; `open` is linear in the cells.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import pickle
import random
import resource
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import domains.denoising
from domains.denoising import answer as answers
from domains.denoising import metrics
from domains.denoising.counts import checked
from domains.denoising.domain import Denoising
from domains.denoising.simulator import simulate

HARNESS = Path(domains.denoising.__path__[0]) / "harness"


def measured(work: Callable[..., None], *given: Any) -> dict[str, Any]:
    """Seconds and peak memory of `work` in a process of its own."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_apart, args=(theirs, work, given))
    process.start()
    found: dict[str, Any] = ours.recv()
    process.join()
    return found


def _apart(pipe: Any, work: Callable[..., None], given: tuple[Any, ...]) -> None:
    began = time.perf_counter()
    work(*given)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    pipe.send({"seconds": round(time.perf_counter() - began, 1), "peak_mb": round(peak)})


def opened(cells: int, genes: int, kept: Path) -> None:
    """Loads the domain; keeps the data of the first instance, and what is needed to grade it."""
    domain = Denoising(checked(simulate(cells, genes)))
    item = domain.instances("val")[0]
    unit = domain._units[item.id]
    kept.write_bytes(pickle.dumps((item, unit)))


def solved(kept: Path, answer: Path) -> None:
    """Answers the instance."""
    sys.path.insert(0, str(HARNESS))
    import agent

    item, _ = pickle.loads(kept.read_bytes())  # noqa: S301 - written above
    params = tomllib.loads((HARNESS / "params.toml").read_text()) | {"method": "sharpened blend"}
    given = agent.solve(item, SimpleNamespace(params=params, rng=random.Random(1), log=lambda *_: None))
    answer.write_bytes(pickle.dumps(given))


def graded(kept: Path, answer: Path) -> None:
    """Judges the answer."""
    _, unit = pickle.loads(kept.read_bytes())  # noqa: S301 - written above
    matrix = answers.accept(pickle.loads(answer.read_bytes()), unit.thinning.shown)  # noqa: S301 - written above
    answers.loss(matrix, unit.thinning.shown)
    metrics.scores(unit.thinning.held_out, matrix[:, unit.thinning.genes], unit.anchors)


def main() -> None:
    """Prints a line for each number of cells."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--cells", type=int, nargs="+", default=[2900, 29000])
    parser.add_argument("--genes", type=int, default=14000)
    chosen = parser.parse_args()
    for cells in chosen.cells:
        with tempfile.TemporaryDirectory() as folder:
            kept, answer = Path(folder, "kept"), Path(folder, "answer")
            row = {
                "cells": cells,
                "genes": chosen.genes,
                "open": measured(opened, cells, chosen.genes, kept),
                "solve": measured(solved, kept, answer),
                "grade": measured(graded, kept, answer),
            }
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
