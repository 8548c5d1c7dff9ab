"""branch, fork: a new run from an earlier generation, or from any event."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sia_tui.cli.attach import attach, opens_app
from sia_tui.cli.engine_process import go_on_with, lifted, limits
from sia_tui.cli.options import Shared, common, print_json
from sia_tui.cli.recording import recording_of

if TYPE_CHECKING:
    from engine.events.reader import Reader


def _changes(command: Any) -> Any:
    for option in (
        click.option("--no-start", is_flag=True, help="Only make the new run."),
        click.option("--name", default="", help="A name for the new run."),
        click.option("--from", "source", type=click.Path(path_type=Path), help="Import RUN from this .sia file first."),
        click.option(
            "--harness", type=click.Path(path_type=Path), help="A folder whose harness is the next candidate."
        ),
        click.option("--set", "assignments", multiple=True, metavar="KEY=VALUE", help="Change a setting from here on."),
    ):
        command = option(command)
    return command


@click.command("branch")
@click.argument("reference", metavar="RUN")
@click.option("--generation", type=int, required=True, help="The generation whose candidate is taken.")
@_changes
@limits
@common
def branch(reference: str, generation: int, *, shared: Shared, **chosen: Any) -> None:
    """A new run whose incumbent is the candidate of an earlier generation of RUN, accepted or not.

    Example: sia branch last --generation 1 --set seed=2
    """
    from engine.loop.fork import judged_at

    if _in_app(shared, chosen):
        return
    chosen["source"] = chosen["source"] or recording_of(shared.workspace, reference)
    with _opened(shared, chosen["source"]) as reader:
        at = judged_at(reader, reader.find(reference), generation)
    _make(reference, at, generation, shared, chosen)


@click.command("fork")
@click.argument("reference", metavar="RUN")
@click.option("--at", type=int, required=True, help="The last event that the new run shares with RUN.")
@_changes
@limits
@common
def fork(reference: str, at: int, *, shared: Shared, **chosen: Any) -> None:
    """A new run that shares the events of RUN up to number AT, and goes on from there.

    Example: sia fork last --at 100 --set gate.alpha=0.05
    """
    if not _in_app(shared, chosen):
        chosen["source"] = chosen["source"] or recording_of(shared.workspace, reference)
        _make(reference, at, None, shared, chosen)


def _in_app(shared: Shared, chosen: dict[str, Any]) -> bool:
    """Whether the app has done it: it opens on the new run, which an engine of its own makes and works on."""
    if chosen["no_start"] or not opens_app(shared, plain_lines=chosen["plain"]):
        return False
    attach(shared)
    return True


def _opened(shared: Shared, source: Path | None) -> contextlib.AbstractContextManager[Reader]:
    """Where RUN is looked for: in the file that --from names, or in the workspace."""
    if source:
        from engine.transfer.importing import reading

        return reading(source)
    return contextlib.closing(shared.workspace.reader())


def _make(reference: str, at: int, generation: int | None, shared: Shared, chosen: dict[str, Any]) -> None:
    from engine.loop import fork
    from harness_repo.harness import HarnessInvalid, read_folder

    with _opened(shared, chosen["source"]) as reader:
        parent = reader.find(reference)
        settings = fork.state_at(reader, parent, at).set
    try:
        harness = read_folder(chosen["harness"]) if chosen["harness"] else None
    except HarnessInvalid as error:
        from engine.errors import SiaError

        raise SiaError(f"{chosen['harness']} is not a harness: {error}", "correct it") from None
    child = fork.Child(
        parent=parent.run,
        at=at,
        name=chosen["name"],
        settings=fork.changed(settings, [*chosen["assignments"], *lifted(chosen)]),
        branch=generation,
        harness=harness,
    )
    if chosen["source"]:
        from engine.transfer.importing import take

        take(shared.workspace, chosen["source"])
    made = fork.fork(shared.workspace, child)
    if not chosen["no_start"]:
        go_on_with(shared, made, chosen, announce=False)
    elif shared.as_json:
        print_json({"run": made, "parent": parent.run, "at": at})
    else:
        with contextlib.closing(shared.workspace.reader()) as reader:
            name = reader.find(made).name
        click.echo(f"{name} is made from {parent.name} at event {at}; start it with:  sia resume {name}")
