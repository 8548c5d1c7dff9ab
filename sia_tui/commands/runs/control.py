"""A request to the engine of a run."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from sia_tui.cli.options import Shared
from sia_tui.cli.output import echo, print_json

if TYPE_CHECKING:
    from engine.loop.control_socket import PauseKind


def send_request(kind: PauseKind, reference: str, shared: Shared) -> None:
    from engine.errors import SiaError
    from engine.loop.control_socket import PauseRequest, send

    place = shared.workspace
    with contextlib.closing(place.reader()) as reader:
        found = reader.find(reference)
    if not send(place.path, found.run, PauseRequest(kind, "a person")):
        remedy = "there is nothing to do" if found.status == "finished" else f"`sia resume {found.name}` continues it"
        raise SiaError(f"no engine is working on {found.name}", remedy)
    if shared.as_json:
        print_json({"run": found.run, "asked": kind})
    else:
        echo(f"{found.name}: {kind} requested.")
