"""compare: runs side by side."""

from __future__ import annotations

import contextlib
from typing import Any

import click

from engine.plain import with_error
from sia_tui.cli import formats
from sia_tui.cli.options import Shared, shared_options
from sia_tui.cli.output import echo, print_json
from sia_tui.cli.runs import status_of
from sia_tui.commands.comparing.what_if import print_what_if


@click.command("compare")
@click.argument("references", metavar="RUN [RUN]...", nargs=-1, required=True)
@click.option(
    "--what-if",
    "assignments",
    multiple=True,
    metavar="KEY=VALUE",
    help="Judge one RUN by another gate rule.",
)
@click.option("--cross", is_flag=True, help="Both harnesses of one RUN under both weights; executes what is missing.")
@shared_options
def compare(references: tuple[str, ...], assignments: tuple[str, ...], cross: bool, shared: Shared) -> None:
    """Compare runs: each best candidate is paired with the first run's on the instances they share.

    With --what-if, compare one run with itself under another gate rule (gate.alpha, gate.run_alpha,
    gate.minimum_effect). Nothing is executed.

    With --cross, compare the first and the best harness of one run, each under the base model and under the best
    adapter. Two of the four are in the run; the others are executed once, as forks.

    Example: sia compare times7-1 times7-1.1
    """
    if cross:
        from sia_tui.commands.comparing import ablation

        if len(references) != 1 or assignments:
            raise click.UsageError("--cross takes one RUN and nothing else.")
        ablation.cross(references[0], shared)
    elif assignments:
        print_what_if(references, assignments, shared)
    elif len(references) == 1:
        raise click.UsageError("name another RUN, or pass --what-if KEY=VALUE.")
    else:
        _compare_runs(references, shared)


_UNITS = {"cpu_s": "CPU s", "usd": "US$"}


def _compare_runs(references: tuple[str, ...], shared: Shared) -> None:
    from engine.queries.compare import compare as compared
    from engine.queries.compare import side

    with contextlib.closing(shared.workspace.reader()) as reader:
        runs = [reader.find(reference) for reference in references]
        facts = compared([side(reader, run, status_of(shared.workspace, run)) for run in runs])
    if shared.as_json:
        print_json(facts)
    else:
        _print_runs(facts)


def _print_runs(facts: dict[str, Any]) -> None:
    from sia_tui.cli.tables import table

    runs = facts["runs"]
    rows: list[list[Any]] = [
        ["domain", *(run["domain"] for run in runs)],
        ["status", *(run["status"] for run in runs)],
        ["arm", *(run["arm"] for run in runs)],
        ["evaluation seed", *(run["evaluation_seed"] for run in runs)],
        *([row["key"], *map(formats.value, row["values"])] for row in facts["settings"]),
    ]
    names = sorted({row["name"] for run in runs for row in run["baselines"] or []})
    for name in names:
        found = [{row["name"]: row for row in run["baselines"] or []}.get(name) for run in runs]
        rows.append([f"baseline: {name}", *map(formats.score, found)])
    last = max(len(run["generations"]) for run in runs)
    rows += [[f"generation {n}", *(_generation(run, n) for run in runs)] for n in range(1, last + 1)]
    rows.append(["best", *(f"generation {run['best']['generation']}" if run["best"] else "-" for run in runs)])
    for name, text in {
        "evaluations": "{}",
        "reused": "{}",
        "tokens": "{}",
        "usd": "{:.4f}",
        "cpu_s": "{:.1f}",
        "seconds": "{:.1f}",
    }.items():
        rows.append([_UNITS.get(name, name), *(text.format(run["spent"][name]) for run in runs)])
    table(["", *(run["name"] for run in runs)], rows)
    for pair in facts["pairs"]:
        echo(_paired(pair))


def _paired(pair: dict[str, Any]) -> str:
    names = f"{pair['run']} against {pair['against']}"
    if not pair["comparable"]:
        return f"{names}: not comparable: {pair['why']}."
    units, better = formats.plural(pair["n"], "unit"), formats.plural(len(pair["better_on"]), "instance")
    return (
        f"{names}, best candidates on the {units} of val that both have: "
        f"{with_error(pair['difference'], pair['se'], pair['n'], sign='+')} (p = {pair['p']:.2g}, two-sided); "
        f"better on {better}, worse on {len(pair['worse_on'])}."
    )


def _generation(run: dict[str, Any], n: int) -> str:
    if n > len(run["generations"]):
        return ""
    one = run["generations"][n - 1]
    mark = "×" if one["refused"] else {True: "+", False: "-", None: "?"}[one["accepted"]]
    return f"{mark} {formats.score(one['val'])}{' refused' * one['refused']}{formats.beside(one['val'])}"
