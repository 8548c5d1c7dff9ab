"""The part of the report on tasks of programs, as Markdown."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.arena.report.programs import FIRST, Programs
from benchmarks.arena.report.tables import table


def sections(one: Programs) -> Iterator[str]:
    """What was spent, the medians, and where nothing can be gained."""
    if one.spending:
        yield f"\n## What was spent, {one.budget} proposals\n"
        head = [
            "method",
            "tokens a proposal, in",
            "out",
            "dollars a thousand",
            "evaluations a proposal",
            "wasted calls",
        ]
        yield from table(
            [*head, "seconds a cell", "stopped early"],
            [
                [
                    name,
                    f"{spent.tokens_in:,.0f}",
                    f"{spent.tokens_out:,.0f}",
                    f"{spent.dollars:.2f}",
                    f"{spent.evaluations:.1f}",
                    f"{spent.wasted:.0%}",
                    f"{spent.seconds:.0f}",
                    str(spent.stopped_early),
                ]
                for name, spent in one.spending.items()
            ],
        )
        names = list(one.spending)
        yield "\nMedian of the best score over seeds:\n"
        yield from table(
            ["task", *names],
            [
                [task, *(f"{row[name]:.4f}" if name in row else "-" for name in names)]
                for task, row in one.medians.items()
            ],
        )
    if one.beside:
        yield f"\nThe median of {FIRST} beside that of each other, by task:\n"
        yield from table(
            ["method", "better", "worse", "worse with p < .05"],
            [
                [name, str(found.better), str(found.worse), ", ".join(found.surely_worse) or "none"]
                for name, found in one.beside.items()
            ],
        )
    if one.no_gain:
        names = list(dict.fromkeys(name for row in one.no_gain.values() for name in row))
        yield f"\n## Where nothing can be gained: of {one.budget} proposals, those built on a changed program\n"
        yield from table(
            ["task", *names],
            [
                [task, *(f"{row[name]:.1f}" if name in row else "-" for name in names)]
                for task, row in one.no_gain.items()
            ],
        )
