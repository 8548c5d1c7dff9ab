"""A request to the engine of a run."""

from __future__ import annotations

import contextlib
from typing import Any

import click

from sia_tui.cli.options import Shared
from sia_tui.cli.output import print_json


def send_request(wish: Any, reference: str, shared: Shared) -> None:
    from engine.errors import SiaError
    from engine.loop.control_socket import Request, send

    place = shared.workspace
    with contextlib.closing(place.reader()) as reader:
        found = reader.find(reference)
    if not send(place.path, found.run, Request(wish, "a person")):
        remedy = (
            "there is nothing to do" if found.status == "finished" else f"`sia resume {found.name}` goes on with it"
        )
        raise SiaError(f"no engine is working on {found.name}", remedy)
    if shared.as_json:
        print_json({"run": found.run, "asked": wish})
    else:
        click.echo(f"{found.name}: asked to {wish}.")
