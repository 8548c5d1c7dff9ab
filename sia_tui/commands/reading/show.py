"""show: a report of one run."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from engine.plain import decimal
from sia_tui.cli import consent, formats
from sia_tui.cli.options import Shared, UserPath, shared_options
from sia_tui.cli.output import echo, plain, print_json, say
from sia_tui.cli.runs import open_run, status_of

if TYPE_CHECKING:
    from rich.text import Text

    from engine.core.state import State
    from engine.events.reader import Reader


@click.command("show")
@click.argument("reference", metavar="RUN", default="last")
@click.option("--plots", type=UserPath(file_okay=False), help="Also write charts to this folder, as SVG.")
@click.option("--map", "mapped", is_flag=True, help="Print each instance of val by generation, and who is best there.")
@click.option("--notebook", is_flag=True, help="Print the notebook that the agent keeps, and nothing else.")
@click.option("--unsafe-no-sandbox", "unsafe", is_flag=True, help="With --plots: run harness code without a sandbox.")
@shared_options
def show(reference: str, plots: Path | None, mapped: bool, notebook: bool, unsafe: bool, shared: Shared) -> None:
    """Report on RUN: generations, verdicts, best candidate, baselines and budget.

    With --plots, scores, training curves and costs become pictures; so do answers, where the domain draws them.

    Examples: sia show last, sia show last --map, sia show last --plots charts
    """
    from engine.core.state import fold
    from engine.events import readings
    from engine.queries.cut_replies import cut_replies
    from engine.queries.run_report import show as report
    from engine.queries.score_course import archive_of, archive_of_slices
    from engine.run import account

    with open_run(shared.workspace, reference) as (reader, run):
        state = fold(reader.history(run.run))
        count = len(readings.known(reader, state.domain.digest))
        spent = account.known(reader, state)
        cut = cut_replies(reader.outline(run.run))
        best = archive_of(reader, state), archive_of_slices(reader, state)
        facts = report(state, status_of(shared.workspace, run), count, spent, cut, *best) | {"name": run.name}
        plotted = _draw(reader, reference, state, plots, shared, unsafe=unsafe) if plots else []
        rows = _map(reader, run.run) if mapped and not shared.as_json else []
        failed = _failed(reader, run.run)
    if shared.as_json:
        print_json(facts)
    elif mapped:
        echo("\n".join(rows))
    elif notebook:
        echo(facts["notebook"] or f"{facts['name']}: its agent has written no notebook")
    else:
        _print_run(facts, failed)
    for name in plotted:
        echo(f"plot: {plots}/{name}", err=shared.as_json)


def _map(reader: Reader, run: str) -> list[str]:
    """The lines of the app's map, as wide as the terminal."""
    from engine.queries.snapshot import Outline
    from sia_tui.app.model.snapshot import RunSnapshot
    from sia_tui.app.pages.run import instance_map
    from sia_tui.app.rows.row import Target
    from sia_tui.cli.console import console

    outline = Outline(reader, run)
    page = instance_map.build(RunSnapshot(reader, outline, outline.head), Target("map"), console().width)
    return [row.text.rstrip() for row in page.rows]


def _draw(reader: Reader, reference: str, state: State, folder: Path, shared: Shared, *, unsafe: bool) -> list[str]:
    """The charts of the run, and the pictures of its answers, which run code; what hinders these is said, no more."""
    from engine.checkout.plots import picture
    from engine.errors import SiaError
    from sia_tui.cli.figures import pictures

    run = reader.find(reference)
    drawn = pictures.write(reader, run, state, folder)
    if state.incumbent is None:
        return drawn
    try:
        consent.ask_for_run(shared, reference)
        made = picture(reader, run, folder, say, workspace=shared.workspace.path, unsafe=unsafe)
        return drawn + asyncio.run(made)
    except SiaError as error:
        say(f"There are no pictures of answers: {error}")
        return drawn


def _failed(reader: Reader, run: str) -> dict[int, str]:
    """Why the first result that failed did, by generation."""
    from engine.queries.snapshot import Outline
    from sia_tui.app.model.failures import failures_by_generation
    from sia_tui.app.model.snapshot import RunSnapshot

    outline = Outline(reader, run)
    found = failures_by_generation(RunSnapshot(reader, outline, outline.head))
    return {n: formats.first_failure(n, one.message) for n, one in found.items()}


def _print_run(facts: dict[str, Any], failed: Mapping[int, str]) -> None:
    from engine.core import power
    from engine.core.account import sentence
    from engine.queries import cut_replies, optimism
    from sia_tui.cli.tables import table

    names = ("domain", "status")
    head = " · ".join([f"{facts['name']} ({facts['run']})", *(facts[name] for name in names)])
    echo(f"{head} · seed {facts['seed']} · sandbox {facts['isolation']}")
    echo(facts["title"])
    echo(f"{facts['reason']}.")
    rotated = any(g["val_number"] > 1 for g in facts["generations"])
    checked = any(g["val"] and g["val"]["honest"] is not None for g in facts["generations"])
    table(
        [
            "gen",
            "lever",
            "harness",
            f"val {facts['metric']}",
            *(["on val"] if rotated else []),
            *(["honest (floor)"] if checked else []),
            "train",
            "verdict",
        ],
        [
            [
                f"{'*' if facts['best'] and facts['best']['generation'] == g['n'] else ' '}{g['n']}",
                g["lever"] or "first",
                g["harness"][:10],
                formats.score(g["val"]),
                *([str(g["val_number"])] if rotated else []),
                *([_honest(g["val"])] if checked else []),
                formats.score(g["train"]),
                _verdict(g),
            ]
            for g in facts["generations"]
        ],
    )
    for one in facts["generations"]:
        if one["n"] in failed:
            _warn(failed[one["n"]])
        if one["replies_cut"]:
            _warn(cut_replies.sentence(one["n"], **one["replies_cut"]))
        decision = one["decision"] or {}
        if decision.get("expected_gain") is not None and decision["gain"] is not None:
            expected, measured = (decimal(decision[name], "+") for name in ("expected_gain", "gain"))
            echo(f"generation {one['n']}: expected gain on val {expected}, measured {measured}")
    if facts["account"] and facts["account"]["judged"]:
        echo(sentence(**facts["account"]))
    if facts["detectable"]:
        echo(power.sentence(power.Detectable(**facts["detectable"])))
    if rotated and (best := facts["best"]) and best["val"]:
        echo(
            f"generation {best['generation']} has {formats.score(best['val'])} on val {best['val_number']}, "
            "the present one; scores on different vals cannot be compared"
        )
    if facts["best"] and facts["best"]["optimism"] and facts["best"]["val"]:
        echo(optimism.sentence(facts["best"]["optimism"], facts["best"]["val"]["score"]))
    if facts["archive"] and facts["archive"]["sentence"]:
        echo(f"{facts['archive']['sentence']} (`sia show {facts['name']} --map`)")
    for row in facts["baselines"] or []:
        echo(f"baseline on val{' 1' * rotated}: {row['name']} {formats.score(row)}{formats.private_check(row)}")
    if facts["test"]:
        echo(
            f"sealed test, read {formats.plural(facts['unsealed'], 'time')} on this machine: "
            f"{formats.score(facts['test'])}"
            f"{formats.private_check(facts['test'])}"
        )
        for row in facts["test"]["baselines"]:
            echo(f"  baseline: {row['name']} {formats.score(row)}{formats.private_check(row)}")
    for name, row in facts["budget"].items():
        echo(f"budget of {name}: {row['spent']:.4g} of {row['cap']:g}")
    if facts["awaiting"]:
        echo(f"candidate {facts['awaiting']} needs your approval: `sia approve {facts['name']}`")
    for note in facts["notes"]:
        echo(f"note: {note}")
    for hint in facts["hints"]:
        echo(f"hint by {hint['by']}: {hint['text']}")
    if facts["notebook"]:
        length = formats.plural(len(facts["notebook"]), "character")
        echo(f"the agent keeps a notebook of {length}: `sia show {facts['name']} --notebook`")
    if facts["in_doubt"] == "test":
        echo(f"in doubt: an unsealing of the test split has no result; `sia test {facts['name']}` repeats it")
    elif facts["in_doubt"]:
        echo(f"in doubt: the step {facts['in_doubt']} has no result; `sia resume {facts['name']}` repeats it")


def _warn(line: str) -> None:
    from sia_tui.cli.console import console

    console(markup=False, soft_wrap=True).print(plain(line), style="yellow")


def _verdict(generation: dict[str, Any]) -> Text:
    from rich.text import Text

    held, failures = generation["held"], generation["failures"]
    told = f"held: {held}" if held else generation["reason"] or "not judged yet"
    failed = f"; failed: {formats.failures(failures)}" if failures else ""
    return Text(plain(told), style="bold red" if held else "").append(failed)


def _honest(val: dict[str, Any] | None) -> str:
    return (
        "-"
        if val is None or val["honest"] is None
        else f"{decimal(val['honest'])} ({decimal(val['honest_floor'] or 0)})"
    )
