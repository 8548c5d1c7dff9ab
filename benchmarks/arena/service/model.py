"""The language model of a cell: the proposer, or a server that the command names."""

from __future__ import annotations

import os

from benchmarks.arena import proposer
from benchmarks.arena.service.server import Replies
from benchmarks.arena.service.upstream import Upstream
from benchmarks.arena.task import Task
from engine.errors import SiaError

SERVER, MODEL, KEY = "ARENA_SERVER", "ARENA_MODEL", "ARENA_KEY"
"""Variables, so that the processes of a grid have them too."""


def use(server: str | None, name: str | None) -> None:
    """Has the model `name` at `server` reply from now on, here and in processes that are started, or the proposer."""
    if bool(server) != bool(name):
        raise SiaError("a server is named together with its model", "give both --server URL and --model NAME")
    if server and not server.startswith(("http://", "https://")):
        raise SiaError(f"{server} is not the address of a server", "give it as http://127.0.0.1:8080/v1")
    for variable, value in ((SERVER, server), (MODEL, name)):
        os.environ.pop(variable, None)
        if value:
            os.environ[variable] = value


def replies(task: Task, seed: int) -> Replies:
    """What replies to the requests of a cell."""
    server = os.environ.get(SERVER)
    if server and task.mode == "changes":
        return Upstream(server, os.environ[MODEL], os.environ.get(KEY, ""))
    return proposer.Proposer(seed, task.mode)


def version() -> str:
    """What replies, for the journal."""
    return f"model {os.environ[MODEL]}" if os.environ.get(SERVER) else proposer.version()
