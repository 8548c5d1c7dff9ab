"""The report as Markdown: for each budget the ranks, the tests, the ratios by group, and the scores by task."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from benchmarks.arena import tasks
from benchmarks.arena.journal import Journal
from benchmarks.arena.report import overhead, programs_markdown
from benchmarks.arena.report.programs import Programs
from benchmarks.arena.report.standing import Mean, Standing
from benchmarks.arena.report.tables import table
from engine.plain import plural


def document(
    journal: Journal,
    standings: Sequence[Standing],
    extra: Sequence[Standing],
    programs: Sequence[Programs],
    overheads: Mapping[str, overhead.Overhead],
) -> str:
    """The whole report. `extra` are standings that a method is in which played fewer cells than the others."""
    lines = [f"# Arena, tasks of {tasks.DATED}", ""]
    for one in standings:
        lines += _standing(one, "")
    for one in extra:
        lines += _standing(one, ", the cells that all of these played")
    for found in programs:
        lines += programs_markdown.sections(found)
    lines += overhead.sections(overheads)
    if journal.floors:
        rows = [[one.task, one.name, _number(one.score), f"{one.evaluations:,}"] for one in journal.floors.values()]
        lines += ["", "## References outside the contest", ""]
        lines += table(["task", "reference", "score", "evaluations"], rows)
    if journal.left_out:
        lines += ["", "## Left out", ""]
        lines += [f"- {one.method}: {one.reason}" for one in journal.left_out.values()]
    return "\n".join(lines) + "\n"


def _standing(one: Standing, which: str) -> Iterator[str]:
    methods = list(one.ranks)
    size = ", ".join((plural(one.budget, one.unit), plural(len(one.scores), "task"), plural(len(one.seeds), "seed")))
    yield f"## {size}{which}"
    yield ""
    yield from _ranks(one)
    yield f"\nRegret by group, as a multiple of that of {one.beside}, its 95% interval over seeds, and mean rank:\n"
    yield from table(
        ["group", *methods],
        [
            [group, *(f"{_ratio(one, group, name)} ({one.group_ranks[group][name]:.2f})" for name in methods)]
            for group in one.ratios
        ],
    )
    yield "\nBest score by task (mean ± standard error over seeds; higher is better):\n"
    yield from table(["task", "best", *methods], _rows(one.scores, methods, one.best))
    if one.honest:
        yield "\nHonest score of the winners, on what no method has seen:\n"
        yield from table(["task", *methods], _rows(one.honest, methods))
    yield ""


def _ranks(one: Standing) -> Iterator[str]:
    pairs = {pair.other: pair for pair in one.pairs}
    rows = []
    for name, rank in sorted(one.ranks.items(), key=lambda item: item[1].mean):
        pair = pairs.get(name)
        beside = f"{pair.better} better, {pair.worse} worse, p = {pair.corrected:.2g}" if pair else ""
        rows.append(
            [name, _with_error(rank, "{:.2f}".format), beside, f"{one.seconds[name]:.1f}", str(one.failures[name])]
        )
    first = one.pairs[0].method if one.pairs else "the first"
    yield from table(["method", "mean rank", f"{first} beside it, by task", "seconds a cell", "stopped early"], rows)
    if one.friedman is not None:
        yield f"\nFriedman's test that all methods are alike: p = {one.friedman:.2g}."


def _ratio(one: Standing, group: str, name: str) -> str:
    span = one.spans[group][name] if name != one.beside else None
    return f"{one.ratios[group][name]:.2f}" + (f" [{span.low:.2f}, {span.high:.2f}]" if span else "")


def _rows(
    table: Mapping[str, Mapping[str, Mean]], methods: Sequence[str], best: Mapping[str, float] | None = None
) -> list[list[str]]:
    return [
        [
            task,
            *([_number(best[task])] if best else []),
            *(_with_error(row.get(name), _number) for name in methods),
        ]
        for task, row in table.items()
    ]


def _with_error(found: Mean | None, number: Callable[[float], str]) -> str:
    if found is None:
        return "-"
    return number(found.mean) if found.se is None else f"{number(found.mean)} ± {number(found.se)}"


def _number(value: float) -> str:
    return f"{value:.4g}"
