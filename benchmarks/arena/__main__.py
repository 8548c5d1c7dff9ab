"""The command of the arena: plays a grid of cells, or reports on one that was played."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from benchmarks.arena import __doc__ as about
from benchmarks.arena import grid, methods, report, tasks
from benchmarks.arena.journal import Journal
from benchmarks.arena.service import model
from engine.errors import SiaError

Named = TypeVar("Named", tasks.Task, methods.Method)


def main(words: Sequence[str] | None = None) -> int:
    """Does what `words` ask for; returns the exit status."""
    parser = argparse.ArgumentParser("benchmarks.arena", description=about)
    parser.add_argument("action", nargs="?", choices=("run", "report", "list"), default="run")
    parser.add_argument("--out", type=Path, help="the folder of the journal and of the report")
    parser.add_argument(
        "--tasks", nargs="+", default=[], metavar="NAME", help="tasks or groups of tasks; all without a model"
    )
    parser.add_argument("--methods", nargs="+", default=[], metavar="NAME", help="methods; all")
    parser.add_argument("--seeds", type=int, default=10, metavar="N", help="so many seeds (10)")
    parser.add_argument("--from-seed", type=int, default=1, metavar="N", help="the first of them (1)")
    parser.add_argument(
        "--budget",
        type=int,
        nargs="+",
        default=[50, 200],
        metavar="N",
        help="evaluations, or proposals for program-tasks (50 200)",
    )
    parser.add_argument("--jobs", type=int, default=1, help="cells at a time (1)")
    parser.add_argument("--server", metavar="URL", help="a server with OpenAI's API in place of the proposer")
    parser.add_argument("--model", metavar="NAME", help="its model; its key is $ARENA_KEY, if it needs one")
    chosen = parser.parse_args(words)
    try:
        if min(chosen.seeds, chosen.from_seed, chosen.jobs, *chosen.budget) < 1:
            raise SiaError("seeds, jobs and budgets are counted from 1", "give a larger number")
        usual = [name for name, task in tasks.TASKS.items() if chosen.action == "list" or task.kind == "values"]
        of_tasks = _choose(tasks.TASKS, chosen.tasks or usual, "task")
        of_methods = _choose(methods.METHODS, chosen.methods, "method")
        model.use(chosen.server, chosen.model)
        if chosen.action == "list":
            _list(of_tasks, of_methods)
            return 0
        if chosen.out is None:
            raise SiaError("the arena keeps its results in a folder", "name it with --out DIR")
        journal = Journal(chosen.out)
        if chosen.action == "report":
            print(*(chosen.out / name for name in report.write(journal, chosen.out)), sep="\n")
            return 0
        first = chosen.from_seed
        grid.run(
            grid.cells(of_tasks, of_methods, range(first, first + chosen.seeds), chosen.budget),
            journal,
            jobs=chosen.jobs,
            report=lambda line: print(line, flush=True),
        )
    except SiaError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; the same command goes on", file=sys.stderr)
        return 1
    return 0


def _choose(known: dict[str, Named], names: Sequence[str], what: str) -> list[Named]:
    """Those of `names`, which may be groups; all where none is named."""
    chosen: dict[str, Named] = {}
    for name in names or known:
        found = {key: one for key, one in known.items() if name in (key, getattr(one, "group", key))}
        if not found:
            raise SiaError(f"there is no {what} {name!r}", "python -m benchmarks.arena list names them")
        chosen |= found
    return list(chosen.values())


def _list(of_tasks: Sequence[tasks.Task], of_methods: Sequence[methods.Method]) -> None:
    for task in of_tasks:
        best = "" if task.best is None else f", best {task.best:.6g}"
        what = "a program" if task.kind == "program" else f"{len(task.space)} tunables"
        print(f"{task.group:13} {task.name} ({what}{best})")
    for method in of_methods:
        print(f"{'method':13} {method.name} ({', '.join(method.pins) or 'of this repository'})")


if __name__ == "__main__":
    sys.exit(main())
