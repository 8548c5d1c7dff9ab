"""diff, compare, bisect: what changed, between candidates and between runs. None of them writes."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import click

from sia_tui.cli.options import Shared, common, plain, print_json
from sia_tui.commands.reading import opened, status_of

if TYPE_CHECKING:
    from engine.queries.what_if import WhatIf


@click.command("diff")
@click.argument("reference", metavar="RUN")
@click.argument("old", type=int)
@click.argument("new", type=int)
@common
def diff(reference: str, old: int, new: int, shared: Shared) -> None:
    """What changed in the harness between generations OLD and NEW of RUN.

    Example: sia diff last 1 2
    """
    from engine.core.state import fold
    from engine.errors import SiaError
    from engine.queries.harness_diff import between

    with opened(shared.workspace, reference) as (reader, run):
        versions = fold(reader.history(run.run)).versions
        for number in (old, new):
            if number not in versions:
                known = ", ".join(map(str, sorted(versions)))
                raise SiaError(f"{run.name} has no harness {number}", f"it has {known or 'none yet'}")
        text = between(reader, shared.workspace, versions[old], versions[new])
    if shared.as_json:
        print_json({"old": versions[old].commit, "new": versions[new].commit, "diff": text})
    else:
        _print_diff(text)


def _print_diff(text: str) -> None:
    from rich.syntax import Syntax

    from sia_tui.cli.console import console, decorates

    out = console()
    if decorates(out):
        out.print(Syntax(plain(text), "diff", theme="ansi_dark", background_color="default"))
    else:
        click.echo(plain(text))


@click.command("compare")
@click.argument("references", metavar="RUN [RUN]...", nargs=-1, required=True)
@click.option(
    "--what-if",
    "assignments",
    multiple=True,
    metavar="KEY=VALUE",
    help="Judge one RUN again under another rule of the gate.",
)
@click.option("--cross", is_flag=True, help="Both harnesses of one RUN under both weights; runs what is missing.")
@common
def compare(references: tuple[str, ...], assignments: tuple[str, ...], cross: bool, shared: Shared) -> None:
    """Runs side by side, each best candidate paired with the first run's on the instances they share.

    With --what-if, one run beside itself under another rule of the gate (gate.alpha, gate.run_alpha,
    gate.minimum_effect), without executing anything.

    With --cross, the first and the best harness of one run, each under the base model and under the best adapter: two
    of the four are in the run, the others are executed as forks, once.

    Example: sia compare times7-1 times7-1.1
    """
    if cross:
        from sia_tui.cli import ablation

        if len(references) != 1 or assignments:
            raise click.UsageError("--cross takes one RUN and nothing else.")
        ablation.cross(references[0], shared)
    elif assignments:
        _compare_rules(references, assignments, shared)
    elif len(references) == 1:
        raise click.UsageError("name another RUN, or give --what-if KEY=VALUE.")
    else:
        _compare_runs(references, shared)


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
        *([row["key"], *map(_value, row["values"])] for row in facts["settings"]),
    ]
    names = sorted({row["name"] for run in runs for row in run["baselines"] or []})
    for name in names:
        found = [{row["name"]: row for row in run["baselines"] or []}.get(name) for run in runs]
        rows.append([f"baseline: {name}", *map(_scored, found)])
    last = max(len(run["generations"]) for run in runs)
    rows += [[f"generation {n}", *(_generation(run, n) for run in runs)] for n in range(1, last + 1)]
    rows.append(["best", *(f"generation {run['best']['generation']}" if run["best"] else "-" for run in runs)])
    for name, text in {
        "evaluations": "{}",
        "reused": "{}",
        "tokens": "{}",
        "cpu_s": "{:.1f}",
        "seconds": "{:.1f}",
    }.items():
        rows.append([name.replace("cpu_s", "CPU s"), *(text.format(run["spent"][name]) for run in runs)])
    table(["", *(run["name"] for run in runs)], rows)
    for pair in facts["pairs"]:
        click.echo(plain(_paired(pair)))


def _paired(pair: dict[str, Any]) -> str:
    names = f"{pair['run']} against {pair['against']}"
    if not pair["comparable"]:
        return f"{names}: nothing is comparable, for {pair['why']}."
    return (
        f"{names}, best candidates on the {pair['n']} units of val that both have: {pair['difference']:+.4f} ± "
        f"{pair['se']:.4f} (p = {pair['p']:.2g}, two-sided); better on {len(pair['better_on'])} instances, "
        f"worse on {len(pair['worse_on'])}."
    )


def _generation(run: dict[str, Any], n: int) -> str:
    if n > len(run["generations"]):
        return ""
    one = run["generations"][n - 1]
    mark = {True: "+", False: "-", None: "?"}[one["accepted"]]
    return f"{mark} {_scored(one['val'])}"


def _scored(score: dict[str, Any] | None) -> str:
    return "-" if score is None else f"{score['score']:.4f} ± {score['se']:.4f}"


def _value(value: Any) -> str:
    text = "none" if value is None else str(value)
    return text if len(text) <= 60 else f"{text[:59]}…"  # a whole script


def _compare_rules(references: tuple[str, ...], assignments: tuple[str, ...], shared: Shared) -> None:
    import msgspec

    from engine.queries.what_if import parse_rule, what_if

    if len(references) != 1:
        raise click.UsageError("--what-if takes one RUN.")
    rule = parse_rule(assignments)
    with opened(shared.workspace, references[0]) as (reader, run):
        found = what_if(reader.history(run.run), rule)
    if shared.as_json:
        facts = msgspec.to_builtins(found)
        for row, one in zip(facts["generations"], found.generations, strict=True):
            # an event leaves out what holds its default, a result does not
            row["recorded"] = msgspec.structs.asdict(one.recorded)
            row["what_if"] = msgspec.structs.asdict(one.what_if) if one.what_if else None
        print_json(facts)
    else:
        _print_rules(found)


def _print_rules(found: WhatIf) -> None:
    from sia_tui.cli.tables import table

    rule = ", ".join(f"{key} = {value:g}" for key, value in found.rule.items())
    click.echo(f"{found.name} if {rule}: a candidate would need p < {found.what_if_level:.2g}", nl=False)
    click.echo(f" (in the run {found.level:.2g})." if found.level != found.what_if_level else ", as it did.")
    table(
        ["gen", "val", "recorded", "what if"],
        [
            [
                row.n,
                f"{row.val.score:.4f} ± {row.val.se:.4f}" if row.val else "-",
                row.recorded.reason,
                row.what_if.reason if row.what_if else "would not have been made",
            ]
            for row in found.generations
        ],
    )
    click.echo(f"{found.summary[:1].upper()}{found.summary[1:]}.")


@click.command("bisect")
@click.argument("reference", metavar="RUN")
@click.argument("instance")
@common
def bisect(reference: str, instance: str, shared: Shared) -> None:
    """Which candidate of RUN fixed or broke INSTANCE, with the change to the harness that did it.

    Example: sia bisect last INSTANCE
    """
    import msgspec

    from engine.queries.bisect import bisect as bisected
    from engine.queries.harness_diff import between

    with opened(shared.workspace, reference) as (reader, run):
        found, state = bisected(reader.history(run.run), instance)
        diffs = [
            between(reader, shared.workspace, state.versions[change.after], state.versions[change.n])
            for change in found.changes
        ]
    if shared.as_json:
        facts = msgspec.to_builtins(found)
        for change, text in zip(facts["changes"], diffs, strict=True):
            change["diff"] = text
        print_json(facts)
        return
    from sia_tui.cli.tables import table

    table(
        ["gen", "lever", "harness", "score", "against its incumbent", ""],
        [
            [
                one.n,
                one.lever or "first",
                one.harness[:10],
                f"{one.score:g}" + (f" ({one.failures} failed)" if one.failures else ""),
                one.what or "same",
                "incumbent" if one.incumbent else "rejected",
            ]
            for one in found.candidates
        ],
    )
    click.echo(plain(f"{found.summary}."))
    if diffs:
        _print_diff(diffs[0])
