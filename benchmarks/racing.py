"""What racing saves: races of the recorded probes of finished runs, as if each had met the best one before its round.

A run whose probes were all executed whole shows both: how many evaluations races would have saved, and whether they
would have stopped a probe that turned out to be better than all before, or the best of the run.
Run: python -m benchmarks.racing WORKSPACE...
"""

from __future__ import annotations

import argparse
import contextlib
import math
import statistics
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from engine.agents.portfolio import probed
from engine.core.units import Row
from engine.events import types as t
from engine.events.reader import Reader
from engine.seeds import opaque_id
from engine.steps.race import Race, Rival


class Saved(NamedTuple):
    """Of one run: its probes, their evaluations, what races would have saved, and the probes stopped in error.

    `cut` are those that scored above all before them; `lost` is how far the best that is left is below the best.
    """

    run: str
    probes: int
    stopped: int
    evaluations: int
    saved: int
    cut: int
    lost: float


def measure(probes: Sequence[t.ProbeFinished], rows: Sequence[dict[Row, float]], seed: int, run: str = "") -> Saved:
    """The races of `probes`, whose scores are `rows`; the order of instances is that of the root's `seed`.

    A round is taken to be one probe long.
    """
    best: tuple[t.ProbeFinished, dict[Row, float]] | None = None
    left, stopped, saved, cut, top = -math.inf, 0, 0, 0, -math.inf
    for probe, scores in zip(probes, rows, strict=True):
        found = None
        if best is not None and best[1].keys() == scores.keys():
            order = sorted(scores, key=lambda row: (opaque_id(seed, row[0]), row[1]))
            race = Race(Rival(best[0].key, best[1], best[0].score.score), order, {})
            found = next((stop for row in order if (stop := race.take(row, scores[row]))), None)
        better = probed.eligible(probe) and probe.score.score > top
        top = max(top, probe.score.score) if probed.eligible(probe) else top
        if found:
            stopped, saved, cut = stopped + 1, saved + found.of - found.after, cut + better
        elif probed.eligible(probe):
            left = max(left, probe.score.score)
            best = (probe, scores) if best is None or probe.score.score > best[0].score.score else best
    return Saved(run, len(probes), stopped, sum(map(len, rows)), saved, cut, top - left if probes else 0.0)


def races(workspace: Path) -> list[Saved]:
    """The races of each run of a workspace that has whole probes of a fold of train."""
    found = []
    with contextlib.closing(Reader.open(workspace / "events.db")) as reader:
        for run in reader.runs():
            seed, probes, rows = 0, list[t.ProbeFinished](), list[dict[Row, float]]()
            for event in reader.own(run.run):
                match event.payload:
                    case t.RunStarted(settings=settings):
                        seed = settings.seed
                    case t.ProbeFinished(reused=False, stopped=None, report="", weights=None) as probe:
                        probes.append(probe)
                        rows.append(_rows(reader.blob(probe.items)))
            if probes and seed:  # a fork's seed is its root's
                found.append(measure(probes, rows, seed, run.run))
    return found


def _rows(items: bytes) -> dict[Row, float]:
    seen: Counter[str] = Counter()
    scores: dict[Row, float] = {}
    for name, score, *_ in msgspec.json.decode(items):
        scores[name, seen[name]] = score
        seen[name] += 1
    return scores


def _mean(values: Sequence[float]) -> str:
    spread = f" ± {statistics.stdev(values) / math.sqrt(len(values)):.3f}" if len(values) > 1 else ""
    return f"{statistics.fmean(values):.3f}{spread}"


def main() -> None:
    """Prints a line for each run, and means with standard errors over runs."""
    parser = argparse.ArgumentParser("benchmarks.racing", description=__doc__)
    parser.add_argument("workspaces", nargs="+", type=Path, metavar="WORKSPACE")
    found = [one for workspace in parser.parse_args().workspaces for one in races(workspace)]
    for one in found:
        print(
            f"{one.run}: {one.stopped} of {one.probes} probes stopped, {one.saved:,} of {one.evaluations:,} evaluations"
            f" saved, {one.cut} better than all before, the best left {one.lost:.4f} below"
        )
    if found:
        print(f"share saved: {_mean([one.saved / one.evaluations for one in found])}")
        print(f"below the best: {_mean([one.lost for one in found])}")


if __name__ == "__main__":
    main()
