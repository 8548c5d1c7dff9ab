"""What denoising takes at the size of a real experiment, on simulated counts: seconds and peak memory of each process.

    python -m benchmarks.denoising_memory [--cells 2900 8700 29000] [--genes 14000]

Prints a row of a table for each number of cells. `open` loads the domain and forms the instances of val; `solve`
answers one of them with the costliest structure of the seed harness; `grade` judges that answer, the floor left out.
Blocks hold at most 3,000 cells, so `solve` and `grade` do not grow beyond them. `open` is linear in the cells: the
bytes are those that it adds to what a process takes for its imports, a count above zero.
"""

from __future__ import annotations

import argparse
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
from typing import Any, NamedTuple

import domains.denoising
from domains.denoising import answer as answers
from domains.denoising import metrics
from domains.denoising.data.counts import check
from domains.denoising.data.simulator import simulate
from domains.denoising.domain import Denoising

HARNESS = Path(domains.denoising.__path__[0]) / "harness"


class Cost(NamedTuple):
    """Seconds, and peak memory in bytes: at the end, and when only the imports were done."""

    seconds: float
    peak: int
    before: int

    def __str__(self) -> str:
        return f"{self.seconds:.0f} s, {self.peak / 1e6:,.0f} MB"


def measured(work: Callable[..., None], *given: Any) -> Cost:
    """What `work` costs in a process of its own."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_apart, args=(theirs, work, given))
    process.start()
    found: Cost = ours.recv()
    process.join()
    return found


def _apart(pipe: Any, work: Callable[..., None], given: tuple[Any, ...]) -> None:
    before, began = _peak(), time.perf_counter()
    work(*given)
    pipe.send(Cost(time.perf_counter() - began, _peak(), before))


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def opened(cells: int, genes: int, kept: Path) -> None:
    """Loads the domain; keeps the data of the first instance, and what is needed to grade it."""
    domain = Denoising(check(simulate(cells, genes)))
    item = domain.instances("val")[0]
    kept.write_bytes(pickle.dumps((item, domain._units[item.id], domain._counts.matrix.nnz)))


def solved(kept: Path, answer: Path) -> None:
    """Answers the instance."""
    sys.path.insert(0, str(HARNESS))
    import agent

    item, *_ = pickle.loads(kept.read_bytes())  # noqa: S301 - written above
    params = tomllib.loads((HARNESS / "params.toml").read_text()) | {"method": "sharpened blend"}
    given = agent.solve(item, SimpleNamespace(params=params, rng=random.Random(1), log=lambda *_: None))
    answer.write_bytes(pickle.dumps(given))


def graded(kept: Path, answer: Path) -> None:
    """Judges the answer."""
    _, unit, _ = pickle.loads(kept.read_bytes())  # noqa: S301 - written above
    matrix = answers.accept(pickle.loads(answer.read_bytes()), unit.thinning.shown)  # noqa: S301 - written above
    answers.loss(matrix, unit.thinning.shown)
    metrics.scores(unit.thinning.held_out, matrix[:, unit.thinning.genes], unit.anchors)


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--cells", type=int, nargs="+", default=[2900, 8700, 29000])
    parser.add_argument("--genes", type=int, default=14000)
    chosen = parser.parse_args()
    print("| cells | counts above zero | open | bytes a count | solve one | grade one |", "| --: " * 6 + "|", sep="\n")
    for cells in chosen.cells:
        with tempfile.TemporaryDirectory() as folder:
            kept, answer = Path(folder, "kept"), Path(folder, "answer")
            opening = measured(opened, cells, chosen.genes, kept)
            *_, counts = pickle.loads(kept.read_bytes())  # noqa: S301 - written above
            each = (opening.peak - opening.before) / counts
            others = measured(solved, kept, answer), measured(graded, kept, answer)
            row = (f"{cells:,}", f"{counts:,}", opening, f"{each:.0f}", *others)
        print("|", " | ".join(map(str, row)), "|", flush=True)


if __name__ == "__main__":
    main()
