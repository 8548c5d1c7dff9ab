"""ls, show, log, tree, trajectory, cost: looking at runs. None of them writes."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sia_tui.cli.options import Shared, common, plain, print_json
from sia_tui.cli.recording import reader_of

if TYPE_CHECKING:
    from engine.events.event import Event
    from engine.events.reader import GenerationRow, Reader, RunRow
    from engine.run.workspace import Workspace

_WIDTH = 200


@contextlib.contextmanager
def opened(workspace: Workspace, reference: str) -> Iterator[tuple[Reader, RunRow]]:
    """The log and the run that `reference` names; the recorded run is found without being in the workspace."""
    with contextlib.closing(reader_of(workspace, reference)) as reader:
        yield reader, reader.find(reference)


def status_of(workspace: Workspace, run: RunRow) -> str:
    """A run that says `running` with no engine behind it was interrupted."""
    from engine.events.log import is_held

    if run.status == "running" and not is_held(workspace.path, run.run):
        return "interrupted"
    return str(run.status)


@click.command("ls")
@common
def ls(shared: Shared) -> None:
    """The runs of this workspace, oldest first.

    Example: sia ls
    """
    with contextlib.closing(shared.workspace.reader()) as reader:
        list_runs(shared, reader)


def list_runs(shared: Shared, reader: Reader) -> None:
    """The table of `ls`."""
    from sia_tui.cli.tables import table

    rows = [
        {
            "run": run.run,
            "name": run.name,
            "domain": run.domain,
            "status": status_of(shared.workspace, run),
            "generation": run.generation,
            "best": run.best,
            "parent": run.parent,
            "events": run.head_n,
        }
        for run in reader.runs()
    ]
    if shared.as_json:
        print_json(rows)
    else:
        table(
            ["name", "run", "domain", "status", "generation", "best val", "events"],
            [
                [r["name"], r["run"], r["domain"], r["status"], r["generation"], _number(r["best"]), r["events"]]
                for r in rows
            ],
        )


def _number(value: Any) -> str:
    return "-" if value is None else f"{value:.4f}"


@click.command("show")
@click.argument("reference", metavar="RUN", default="last")
@click.option("--plots", type=click.Path(path_type=Path, file_okay=False), help="Also draw pictures into this folder.")
@click.option("--unsafe-no-sandbox", "unsafe", is_flag=True, help="For --plots: run harness code without a sandbox.")
@common
def show(reference: str, plots: Path | None, unsafe: bool, shared: Shared) -> None:
    """RUN's generations, verdicts, best candidate, baselines and budget.

    Example: sia show last
    """
    from engine.core.state import fold
    from engine.queries.run_report import show as shown

    with opened(shared.workspace, reference) as (reader, run):
        facts = shown(fold(reader.history(run.run)), status_of(shared.workspace, run)) | {"name": run.name}
        drawn = _draw(reader, run, plots, workspace=shared.workspace.path, unsafe=unsafe) if plots else []
    if shared.as_json:
        print_json(facts)
    else:
        _print_run(facts)
    for name in drawn:
        click.echo(f"drawn: {plots}/{name}", err=shared.as_json)


def _draw(reader: Reader, run: RunRow, folder: Path, *, workspace: Path, unsafe: bool) -> list[str]:
    from engine.checkout.plots import picture
    from sia_tui.cli.progress import say

    return asyncio.run(picture(reader, run, folder, say, workspace=workspace, unsafe=unsafe))


def _print_run(facts: dict[str, Any]) -> None:
    from sia_tui.cli.progress import counted, private_words
    from sia_tui.cli.tables import table

    names = ("domain", "status")
    head = " · ".join([f"{facts['name']} ({facts['run']})", *(facts[name] for name in names)])
    click.echo(f"{head} · seed {facts['seed']} · sandbox {facts['isolation']}")
    click.echo(plain(facts["title"]))
    click.echo(f"{plain(facts['reason'])}.")
    checked = any(g["val"] and g["val"]["honest"] is not None for g in facts["generations"])
    table(
        [
            "gen",
            "lever",
            "harness",
            f"val {facts['metric']}",
            *(["honest (floor)"] if checked else []),
            "train",
            "verdict",
        ],
        [
            [
                f"{'*' if facts['best'] and facts['best']['generation'] == g['n'] else ' '}{g['n']}",
                g["lever"] or "first",
                g["harness"][:10],
                _scored(g["val"]),
                *([_honest(g["val"])] if checked else []),
                _scored(g["train"]),
                plain(g["reason"] or "not judged yet")
                + (f"; failed: {counted(g['failures'])}" if g["failures"] else ""),
            ]
            for g in facts["generations"]
        ],
    )
    for one in facts["generations"]:
        decision = one["decision"] or {}
        if decision.get("expected_gain") is not None and decision["gain"] is not None:
            gains = f"{decision['expected_gain']:+.4f} was expected on val, {decision['gain']:+.4f} came"
            click.echo(f"generation {one['n']}: {gains}")
    for row in facts["baselines"] or []:
        click.echo(f"baseline on val: {row['name']} {_scored(row)}{private_words(row)}")
    if facts["test"]:
        click.echo(
            f"sealed test, read {facts['unsealed']} time{'s' * (facts['unsealed'] > 1)}: {_scored(facts['test'])}"
            f"{private_words(facts['test'])}"
        )
        for row in facts["test"]["baselines"]:
            click.echo(f"  baseline: {row['name']} {_scored(row)}{private_words(row)}")
    for name, row in facts["budget"].items():
        click.echo(f"budget of {name}: {row['spent']:.4g} of {row['cap']:g}")
    if facts["awaiting"]:
        click.echo(f"candidate {facts['awaiting']} waits for a word: `sia approve {facts['name']}`")
    for note in facts["notes"]:
        click.echo(f"note: {plain(note)}")
    if facts["in_doubt"] == "test":
        click.echo(f"in doubt: a reading of the test split had no result; `sia test {facts['name']}` reads it again")
    elif facts["in_doubt"]:
        click.echo(f"in doubt: the step {facts['in_doubt']} has no result; `sia resume {facts['name']}` does it again")


def _honest(val: dict[str, Any] | None) -> str:
    return "-" if val is None or val["honest"] is None else f"{val['honest']:.4f} ({val['honest_floor'] or 0:.4f})"


def _scored(score: dict[str, Any] | None) -> str:
    return "-" if score is None else f"{score['score']:z.4f} ± {score['se']:.4f}"


@click.command("log")
@click.argument("reference", metavar="RUN", default="last")
@click.option("--follow", is_flag=True, help="Go on printing as events come, until the run rests.")
@click.option("--instances", is_flag=True, help="Also the events of single instances.")
@common
def log(reference: str, follow: bool, instances: bool, shared: Shared) -> None:
    """The events of RUN, one a line.

    Example: sia log last --follow
    """
    with opened(shared.workspace, reference) as (reader, run):
        after, seen = 0, -1
        while True:
            version = reader.data_version()
            if version != seen:
                seen = version
                for event in reader.history(run.run, after=after):
                    after = event.n
                    if instances or event.type != "instance.finished":
                        _print_event(event, shared.as_json)
            if not follow or status_of(shared.workspace, reader.find(run.run)) != "running":
                return
            time.sleep(0.1)


def _print_event(event: Event, as_json: bool) -> None:
    import msgspec

    if as_json:
        head = {name: getattr(event, name) for name in ("seq", "run", "n", "type", "v", "at", "generation", "hash")}
        click.echo(msgspec.json.encode({**head, "payload": msgspec.Raw(event.stored)}).decode())
        return
    from rich.text import Text

    from sia_tui.cli.progress import milestone

    at = datetime.fromtimestamp(event.at / 1e6, UTC).strftime("%H:%M:%S.%f")[:-3]
    line = milestone(event, event.payload)
    text = event.stored.decode() if line is None else Text.from_markup(line).plain
    shown = plain(text if len(text) <= _WIDTH or not sys.stdout.isatty() else text[: _WIDTH - 1] + "…")
    click.echo(f"{event.n:>6}  {at}  {event.generation:>2}  {event.type:<19} {shown}")


@click.command("tree")
@common
def tree(shared: Shared) -> None:
    """The lineage of runs, with their generations.

    Example: sia tree
    """
    from rich.tree import Tree

    from sia_tui.cli.console import console

    with contextlib.closing(shared.workspace.reader()) as reader:
        generations: dict[str, list[GenerationRow]] = {}
        for row in reader.generations():
            generations.setdefault(row.run, []).append(row)
        runs = [(run, status_of(shared.workspace, run)) for run in reader.runs()]
    if shared.as_json:
        print_json(
            [
                {
                    "run": run.run,
                    "name": run.name,
                    "parent": run.parent,
                    "parent_n": run.parent_n,
                    "status": status,
                    "generations": [_row(row) for row in generations.get(run.run, [])],
                }
                for run, status in runs
            ]
        )
        return
    nodes: dict[str | None, Tree] = {None: Tree("runs")}
    for run, status in runs:
        at = f" forked at {run.parent_n}" if run.parent else ""
        node = nodes.get(run.parent, nodes[None]).add(f"{run.name} ({status}){at}")
        nodes[run.run] = node
        for one in generations.get(run.run, []):
            mark = {True: "+", False: "-", None: "?"}[one.accepted]
            node.add(f"{mark} {one.generation} {one.lever or 'first'} {one.harness[:10]} val {_number(one.val)}")
    console(markup=False).print(nodes[None])


def _row(one: GenerationRow) -> dict[str, Any]:
    return {
        "n": one.generation,
        "lever": one.lever,
        "harness": one.harness,
        "val": one.val,
        "accepted": one.accepted,
    }


@click.command("trajectory")
@click.argument("reference", metavar="RUN")
@click.argument("instance")
@common
def trajectory(reference: str, instance: str, shared: Shared) -> None:
    """What RUN's candidates did on INSTANCE, generation by generation.

    Example: sia trajectory last INSTANCE
    """
    from engine.errors import SiaError
    from engine.queries.run_report import trajectory as met

    with opened(shared.workspace, reference) as (reader, run):
        rows = met(reader, run.run, instance)
    if not rows:
        raise SiaError(
            f"no generation of {run.name} has executed an instance {instance!r}", "`sia log --instances` lists them"
        )
    if shared.as_json:
        print_json(rows)
        return
    for row in rows:
        verdict = f"failed ({row['failure']['kind']}): {row['failure']['message']}" if row["failure"] else row["detail"]
        where = f"generation {row['generation']} · {row['split']} · score {row['score']:g}"
        click.echo(plain(f"{where} · answer {row['answer']!r} {verdict}"))
        if row["log"]:
            click.echo(plain(row["log"]))


@click.command("cost")
@click.argument("reference", metavar="RUN", default="last")
@common
def cost(reference: str, shared: Shared) -> None:
    """What RUN has spent: on what, for which lever, and for each accepted point.

    Example: sia cost last
    """
    from engine.queries.costs import costs
    from sia_tui.cli.tables import table

    with opened(shared.workspace, reference) as (reader, run):
        facts = costs(reader.history(run.run))
    if shared.as_json:
        print_json(facts)
        return
    table(
        ["spent on", *_SPENT],
        [[row["on"], *_spent(row)] for row in facts["by"]],
    )
    table(
        ["for the lever", *_SPENT, "accepted gain"],
        [[row["lever"], *_spent(row), f"{row['gain']:+.4f}"] for row in facts["levers"]],
    )
    gain, usd = facts["per_accepted_point"], facts["usd_per_accepted_point"]
    each = f", {gain:.0f} evaluations" + (f" and ${usd:.4f}" if usd else "") + " for each 0.01" if gain else ""
    click.echo(f"accepted gain on val: {facts['gain']:+.4f}{each}")


_SPENT = ("evaluations", "reused", "calls", "tokens", "reused tokens", "US$", "CPU s", "wall s")


def _spent(row: dict[str, Any]) -> list[Any]:
    counts = [row[name] for name in ("evaluations", "reused", "calls", "tokens", "reused_tokens")]
    return [*counts, f"{row['usd']:.4f}", f"{row['cpu_s']:.1f}", f"{row['wall_s']:.1f}"]
