"""Ablation {first, best harness} x {base, best adapter}: the gain of each lever alone and on top of the other.

Two cells are results of the run. The others are forks with one Execution each, whose candidate is a harness of the run
under weights of the run; a fork that exists already is reused.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec.structs import replace

from engine.core import units
from engine.core.results import Results
from engine.core.settings import MAX_NAME, shortened
from engine.core.state import State, evolve
from engine.errors import SiaError
from engine.events import types as t
from engine.events.reader import Reader, RunRow
from engine.loop.fork import ForkPlan, gate_event
from harness_repo import harness as harnesses


class Cell(msgspec.Struct, frozen=True):
    """One of the four: generation `n` of the run, or the candidate of `fork`."""

    harness: str
    weights: str
    n: int | None = None
    fork: ForkPlan | None = None


def cells(reader: Reader, run: RunRow) -> list[Cell]:
    """The four cells of the incumbent's cross; raises `SiaError` where a run has pulled only one lever."""
    state = _state(reader, run)
    best = state.incumbent
    if state.settings.rotate:
        raise SiaError(
            f"the candidates of {run.name} were executed on different vals, so their scores cannot be crossed",
            "cross a run without --rotate",
        )
    if best is None or not state.of(best).candidate.weights or not _rewritten(state, best):
        raise SiaError(
            f"the best candidate of {run.name} is not one of both levers, so there is nothing to cross",
            "a run with --lever auto pulls both",
        )
    swapped = [
        _fork(reader, run, state, "first-harness-best-adapter", version=1, weights=best),
        _fork(reader, run, state, "best-harness-base", version=best, weights=1),
    ]
    return [
        Cell("first", "base", n=1),
        Cell("best", "base", fork=swapped[1]),
        Cell("first", "best", fork=swapped[0]),
        Cell("best", "best", n=best),
    ]


def _rewritten(state: State, best: int) -> bool:
    return state.versions[best].tree != state.versions[1].tree


def _fork(reader: Reader, run: RunRow, state: State, name: str, *, version: int, weights: int) -> ForkPlan:
    files = {path: reader.blob(blob) for path, blob in state.versions[version].files.items()}
    return ForkPlan(
        parent=run.run,
        at=gate_event(reader, run, weights),
        name=f"{shortened(run.name, MAX_NAME - 36)}.{name}",
        settings=replace(state.settings, generations=weights + 1, lever="harness"),
        branch=weights,
        harness=harnesses.parse(files),
    )


def report(reader: Reader, run: RunRow, found: list[tuple[Cell, RunRow]]) -> dict[str, Any]:
    """What `sia compare RUN --cross --json` prints: each cell with its score and its gain over the first."""
    rows: list[dict[str, Any]] = []
    base: dict[tuple[str, int], float] = {}
    for cell, where in found:
        state, results = _state(reader, where), _results(reader, where)
        n = cell.n or len(state.generations)
        scores = results.val(n, state.of(n).candidate)
        base = base or scores
        groups = results.groups("val")
        gain = units.clustered({row: scores[row] - base[row] for row in scores.keys() & base.keys()}, groups)
        val = units.clustered(scores, groups)
        rows.append(
            {
                "harness": cell.harness,
                "weights": cell.weights,
                "run": where.name,
                "generation": n,
                "val": {"score": val.score, "se": val.se, "n": val.n},
                "gain": {"score": gain.score, "se": gain.se, "n": gain.n},
            }
        )
    return {"run": run.name, "cells": rows}


def _state(reader: Reader, run: RunRow) -> State:
    state = State()
    for event in reader.history(run.run):
        state = evolve(state, event)
    return state


def _results(reader: Reader, run: RunRow) -> Results:
    results = Results()
    for event in reader.history(run.run):
        if event.type == t.InstanceFinished.type:
            results.add(event)
    return results
