"""Plays the cells of a grid that the journal does not hold yet, some at a time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from pathlib import Path

from benchmarks.arena import environment, methods, tasks
from benchmarks.arena.cell import BudgetSpent, Cell, Floor, LeftOut, Meter, Outcome
from benchmarks.arena.journal import Journal
from benchmarks.arena.method import Method
from benchmarks.arena.service import Account, model
from benchmarks.arena.task import Kind, Task
from engine.errors import SiaError
from engine.plain import plural

Report = Callable[[str], None]


def play(cell: Cell, python: Path | None = None) -> Outcome:
    """Plays one cell. A method that fails keeps what it had found, and the outcome says why it stopped.

    Raises `SiaError` where it stopped because the language model did not reply: that says nothing of the method.
    """
    task, method = tasks.find(cell.task), methods.find(cell.method)
    began = time.monotonic()
    meter = _meter(task, cell)
    failure = ""
    try:
        method.bind(python)(task, cell.seed, meter)
        if meter.left:
            failure = f"it made no further proposal after {meter.at} of {meter.at + meter.left}"
    except BudgetSpent:
        pass
    except Exception as error:  # a method is code of others
        failure = f"{type(error).__name__}: {error}"[:300]
    if failure and meter.unanswered:
        remedy = "this cell is not kept; see to the server, and the same command goes on"
        raise SiaError(f"the model of {cell.task} did not reply to {cell.method}: {meter.unanswered}", remedy)
    took = time.monotonic() - began
    meter.close()
    winner = (meter.best or meter.start).candidate
    return Outcome(
        cell,
        meter.course,
        winner,
        {"evaluations": meter.evaluations, "seconds": round(took, 3), **meter.spent},
        task.honest(winner) if task.honest else None,
        failure,
        version(method, task.kind),
    )


def version(method: Method, kind: Kind) -> str:
    """The version of the method, and for programs that of the language model."""
    return f"{method.version} {model.version()}" if kind == "program" else method.version


def _meter(task: Task, cell: Cell) -> Meter:
    start = task.start(cell.seed)
    return (
        Account(task.judge, start, cell.budget, task.tolerance) if task.judge else Meter(task.score, start, cell.budget)
    )


def cells(
    tasks_: Sequence[Task], methods_: Sequence[Method], seeds: Sequence[int], budgets: Sequence[int]
) -> list[Cell]:
    """The grid, ordered so that an interrupted run has all methods on the same tasks and seeds."""
    return [
        Cell(task.name, method.name, seed, budget)
        for budget in budgets
        for seed in seeds
        for task in tasks_
        for method in methods_
        if task.kind in method.kinds
    ]


def run(wanted: Sequence[Cell], journal: Journal, *, jobs: int = 1, report: Report = print) -> None:
    """Plays what is missing of `wanted`, and the floors of its tasks. One line of the journal for each."""
    if not wanted:
        remedy = "programs are for methods that ask a model, values for the others: name others of --methods or --tasks"
        raise SiaError("none of these methods plays any of these tasks", remedy)
    journal.begin()
    _measure_floors(wanted, journal, report)
    versions = {
        pair: version(methods.find(pair[1]), tasks.find(pair[0]).kind)
        for pair in {(cell.task, cell.method) for cell in wanted}
    }
    missing = [
        cell
        for cell in wanted
        if (known := journal.outcomes.get(cell)) is None or known.version != versions[cell.task, cell.method]
    ]
    if not missing:
        report(f"{plural(len(wanted), 'cell')} of this grid: {journal.path} holds all of them, nothing is left to play")
    pythons = _prepare({cell.method for cell in missing}, journal, report)
    missing = [cell for cell in missing if cell.method in pythons]
    for done, outcome in enumerate(_played(missing, pythons, jobs), 1):
        journal.append(outcome)
        cell, best = outcome.cell, outcome.best_at(outcome.cell.budget)
        said = f"; {outcome.failure}" if outcome.failure else ""
        report(
            f"{done}/{len(missing)} {cell.task} {cell.method} seed {cell.seed} budget {cell.budget}: {best:.6g}{said}"
        )


def _played(missing: Sequence[Cell], pythons: dict[str, Path | None], jobs: int) -> Iterator[Outcome]:
    if jobs == 1:
        yield from (play(cell, pythons[cell.method]) for cell in missing)
        return
    with ProcessPoolExecutor(jobs) as pool:
        futures: list[Future[Outcome]] = [pool.submit(play, cell, pythons[cell.method]) for cell in missing]
        try:
            for future in as_completed(futures):
                yield future.result()
        finally:
            pool.shutdown(cancel_futures=True)


def _prepare(names: set[str], journal: Journal, report: Report) -> dict[str, Path | None]:
    """The interpreters of the methods that can take part."""
    found: dict[str, Path | None] = {}
    for name in sorted(names):
        pins = methods.find(name).pins
        try:
            found[name] = environment.make(name, pins, report) if pins else None
        except environment.NotInstalled as error:
            journal.append(LeftOut(name, str(error)))
            report(f"{name} is left out: {error}")
    return found


def _measure_floors(wanted: Sequence[Cell], journal: Journal, report: Report) -> None:
    for name in dict.fromkeys(cell.task for cell in wanted):
        measure = tasks.find(name).floor
        if measure and name not in journal.floors:
            floor = measure()
            journal.append(Floor(name, *floor))
            report(f"{name}: {floor.name} reaches {floor.score:.6g} with {floor.evaluations} evaluations")
