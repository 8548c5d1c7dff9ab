"""export, import, gc, rm, rename, note: carrying runs out, in and away, and saying what they are."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

import click

from sia_tui.cli.options import Shared, common, plain, print_json
from sia_tui.cli.recording import reader_of


@click.command("export")
@click.argument("reference", metavar="RUN", default="last")
@click.option(
    "-o",
    "--output",
    "target",
    type=click.Path(path_type=Path),
    required=True,
    help="The file to write: .sia (one sealed file) or .jsonl (one event a line).",
)
@click.option("--with-data", is_flag=True, help="Take along logs, which may hold text of instances.")
@click.option("--with-adapters", is_flag=True, help="Copy the run's trained adapters into FILE.adapters beside it.")
@common
def export(reference: str, target: Path, with_data: bool, with_adapters: bool, shared: Shared) -> None:
    """RUN with all that its history needs, in one file that opens with nothing beside it.

    Example: sia export last -o run.sia
    """
    from engine import __version__
    from engine.errors import SiaError
    from engine.events.seal import seal
    from engine.transfer import weights
    from engine.transfer.lines import write_lines

    if target.suffix not in (".sia", ".jsonl"):
        raise SiaError(
            f"nothing can be exported as {target.suffix or 'a file without a suffix'}", "choose .sia or .jsonl"
        )
    with contextlib.closing(reader_of(shared.workspace, reference)) as reader:
        run = reader.find(reference)
        if target.suffix == ".sia":
            events = seal(reader, run, target, data=with_data, made_by=f"sia {__version__}").events
        else:
            events = write_lines(reader, run, target, data=with_data)
        if with_adapters:
            weights.pack(reader, run.run, shared.workspace, target)
    size = target.stat().st_size
    if shared.as_json:
        print_json({"run": run.run, "file": str(target), "events": events, "bytes": size})
    else:
        click.echo(f"{plain(run.name)}: {events} events in {plain(str(target))}, {_size(size)}.")


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@common
def import_(file: Path, shared: Shared) -> None:
    """Take the run in FILE, which `sia export` has written, into this workspace, once it is checked whole.

    What is here already is left as it is; adapters in FILE.adapters come along. A run whose name is taken here gets
    one that ends in its id.

    Example: sia import run.sia
    """
    import msgspec

    from engine.transfer import weights
    from engine.transfer.importing import take

    taken = take(shared.workspace, file)
    with contextlib.closing(shared.workspace.reader()) as reader:
        weights.unpack(reader, taken.run, shared.workspace, file)
    if shared.as_json:
        print_json(msgspec.to_builtins(taken))
    elif not taken.new:
        click.echo(f"{taken.name} is here already, with all its {taken.events} events.")
    else:
        click.echo(f"{taken.name}: {taken.new} new events of {taken.events}; look at it with:  sia show {taken.name}")


@click.command("gc")
@click.option("--yes", is_flag=True, help="Remove it; without this, only say what would be removed.")
@common
def gc(yes: bool, shared: Shared) -> None:
    """Find what this workspace holds and no run needs: contents, temporary files, dead locks and sockets.

    Example: sia gc
    """
    import msgspec

    from engine.transfer.sweeping import survey, sweep

    found = sweep(shared.workspace) if yes else survey(shared.workspace)
    if shared.as_json:
        print_json({**msgspec.to_builtins(found), "removed": yes})
        return
    for path in found.files:
        click.echo(plain(path))
    blobs = f"{found.blobs} blobs ({_size(found.blob_bytes)})"
    files = f"{len(found.files)} files ({_size(found.file_bytes)})"
    more = "" if yes or not (found.blobs or found.files) else "; do it with:  sia gc --yes"
    click.echo(f"{blobs} and {files} {'are gone' if yes else 'are needed by no run'}{more}.")


@click.command("rm")
@click.argument("reference", metavar="RUN")
@click.option("--yes", is_flag=True, help="Do not ask.")
@common
def rm(reference: str, yes: bool, shared: Shared) -> None:
    """Remove RUN for good: its events, its branch and tags. Not a run that others were forked from.

    Example: sia rm last
    """
    from engine.errors import SiaError
    from engine.transfer.removing import removable, remove

    with contextlib.closing(shared.workspace.reader()) as reader:
        run = removable(reader, reference)
    if not yes:
        if shared.headless or shared.as_json or not sys.stdin.isatty():
            raise SiaError(f"removing {run.name} cannot be undone", "say --yes if you mean it")
        click.confirm(f"Remove {run.name} and its events for good?", abort=True)
    gone = remove(shared.workspace, run.run)
    if shared.as_json:
        print_json({"run": gone.run, "name": gone.name, "events": gone.events})
    else:
        click.echo(f"{gone.name} and its {gone.events} events are gone; `sia gc` frees their room.")


@click.command("rename")
@click.argument("reference", metavar="RUN")
@click.argument("name")
@common
def rename(reference: str, name: str, shared: Shared) -> None:
    """Call RUN by another NAME, also in git.

    Example: sia rename last better
    """
    from engine.transfer.naming import rename as renamed

    was = renamed(shared.workspace, reference, name)
    if shared.as_json:
        print_json({"run": was.run, "was": was.name, "name": name})
    else:
        click.echo(f"{was.name} is now called {name}.")


@click.command("note")
@click.argument("reference", metavar="RUN")
@click.argument("text")
@common
def note(reference: str, text: str, shared: Shared) -> None:
    """Add a remark to RUN; `sia show` tells it.

    Example: sia note last "the data of May"
    """
    from engine.transfer.naming import note as noted

    run = noted(shared.workspace, reference, text)
    if shared.as_json:
        print_json({"run": run.run, "text": text})
    else:
        click.echo(f"{run.name}: noted.")


def _size(count: int) -> str:
    """A number of bytes, for people."""
    size = float(count)
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} GB"
