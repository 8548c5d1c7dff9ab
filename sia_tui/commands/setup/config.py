"""config show: every setting and where its value comes from."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sia_tui.cli import formats
from sia_tui.cli.options import Shared, default_workspace, shared_options
from sia_tui.cli.output import print_json
from sia_tui.cli.runs import open_run

if TYPE_CHECKING:
    from engine.queries.settings_origin import Origin


@click.group("config")
def config() -> None:
    """Settings and where they come from."""


@config.command("show")
@click.argument("reference", metavar="[RUN]", required=False)
@shared_options
def show(reference: str | None, shared: Shared) -> None:
    """Show the settings of RUN and the event that set each; without RUN, those of a new run and where they come from.

    Example: sia config show last
    """
    import msgspec

    from engine.queries.settings_origin import defaults, origins
    from sia_tui.cli.tables import table

    name = None
    if reference is None:
        rows = [*_places(shared), *_configured(shared, defaults())]
    else:
        with open_run(shared.workspace, reference) as (reader, run):
            name, rows = run.name, origins(reader.history(run.run))
    if shared.as_json:
        print_json({"name": name, "settings": [msgspec.to_builtins(row) for row in rows]})
        return
    table(
        ["setting", "value", "from"],
        [
            [row.key, formats.value(row.value), row.origin + (f", event {row.event}" if row.event else "")]
            for row in rows
        ],
    )


def _places(shared: Shared) -> list[Origin]:
    import platformdirs

    from engine.queries.settings_origin import Origin

    place, cache = shared.workspace.path, os.environ.get("SIA_CACHE")
    if place != default_workspace().absolute():
        origin = "--workspace"
    else:
        origin = "$SIA_WORKSPACE" if os.environ.get("SIA_WORKSPACE") else "the default, .sia in the current folder"
    return [
        Origin("workspace", str(place), origin),
        Origin(
            "cache",
            str(Path(cache).expanduser().absolute() if cache else platformdirs.user_cache_path("sia")),
            "$SIA_CACHE" if cache else "the default, the user's cache folder",
        ),
    ]


def _configured(shared: Shared, rows: list[Origin]) -> list[Origin]:
    """The default settings of a run, overridden by sia.toml and the environment, and all their other settings."""
    from engine.queries.settings_origin import Origin
    from engine.user_settings import DEFAULT, read

    known = {row.key: row for row in rows}
    for row in read(shared.workspace.path).origins:
        if row.origin != DEFAULT or row.key not in known:
            known[row.key] = Origin(row.key, row.value, row.origin)
    return [known[key] for key in sorted(known)]
