"""What branch and fork share: options, and creating the new run."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sia_tui.cli.limits import limit_assignments, workers_of
from sia_tui.cli.options import Shared, UserPath
from sia_tui.cli.output import echo, print_json
from sia_tui.commands.app import attach, opens_app
from sia_tui.commands.runs.local_engine import drive_existing

if TYPE_CHECKING:
    from engine.events.reader import Reader


def child_options(command: Any) -> Any:
    for option in (
        click.option("--no-start", is_flag=True, help="Create the new run without starting it."),
        click.option("--name", default="", help="Name of the new run."),
        click.option("--from", "source", type=UserPath(), help="Import RUN from this .sia file first."),
        click.option("--harness", type=UserPath(), help="Folder of the harness to execute as the next candidate."),
        click.option(
            "--set", "assignments", multiple=True, metavar="KEY=VALUE", help="Change a setting of the new run."
        ),
    ):
        command = option(command)
    return command


def opened_in_app(shared: Shared, chosen: dict[str, Any]) -> bool:
    """Opens the app on the new run, made by an engine process, if the command is to open it; returns whether it did."""
    if chosen["no_start"] or not opens_app(shared, plain_lines=chosen["plain"]):
        return False
    attach(shared)
    return True


def parent_reader(shared: Shared, source: Path | None) -> contextlib.AbstractContextManager[Reader]:
    """A reader of the log that holds RUN: the file of --from, or the workspace's."""
    if source:
        from engine.transfer.run_import import read_export

        return read_export(source)
    return contextlib.closing(shared.workspace.reader())


def make_child(reference: str, at: int, generation: int | None, shared: Shared, chosen: dict[str, Any]) -> None:
    from engine import trust
    from engine.loop import fork
    from engine.run.named_paths import agent_of, models_of
    from harness_repo.harness import HarnessInvalid, read_folder

    workers_of(chosen["workers"])  # refused before a run is made
    with parent_reader(shared, chosen["source"]) as reader:
        parent = reader.find(reference)
        state = fork.state_at(reader, parent, at)
    settings = state.settings
    try:
        harness = read_folder(chosen["harness"]) if chosen["harness"] else None
    except HarnessInvalid as error:
        from engine.errors import SiaError

        raise SiaError(f"{chosen['harness']} is not a harness: {error}", "correct it") from None
    child = fork.ForkPlan(
        parent=parent.run,
        at=at,
        name=chosen["name"],
        settings=fork.change_settings(settings, [*chosen["assignments"], *limit_assignments(chosen)]),
        branch=generation,
        harness=harness,
    )
    if not chosen["no_start"]:
        fork.check_goes_on(state, child)
    if chosen["source"]:
        from engine.transfer.run_import import import_run

        import_run(shared.workspace, chosen["source"])
    made = fork.fork(shared.workspace, child)
    now = child.settings or settings
    for place in {*models_of(now), *agent_of(now)} - {*models_of(settings), *agent_of(settings)}:  # named with --set
        trust.remember_named(place)
    if not chosen["no_start"]:
        drive_existing(shared, made, chosen, resumed=False)
    elif shared.as_json:
        print_json({"run": made, "parent": parent.run, "at": at})
    else:
        with contextlib.closing(shared.workspace.reader()) as reader:
            name = reader.find(made).name
        echo(f"{name} forked from {parent.name} at event {at}; start it with:  sia resume {name}")
