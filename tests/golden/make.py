"""Makes a sealed log for the corpus: a short run of the toy domain, as this release writes it.

Run from the repository's root: python -m tests.golden.make FILE [models | jumps | account]; with `models` its agents
and its task agent are language models, played by a server on loopback; with `jumps` each gain waits for a person;
with `account` a fork goes on beyond the error of its lineage. Add a file whenever the events,
their payloads or the rules change; never replace or delete one, since old logs must keep replaying.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import sys
import tempfile
from pathlib import Path

from msgspec.structs import replace
from sqlite_utils import Database

from engine.core.state import State, fold
from engine.events import types as t
from engine.events.event import Event
from engine.loop import driver
from engine.loop.control_socket import Approval, Control
from engine.loop.fork import ForkPlan, fork, gate_event
from engine.loop.launch import Options, plan, reopen, start
from engine.run.workspace import Workspace
from tests.fakes.anthropic_server import AnthropicServer
from tests.playing import environment, play, small
from tests.story import TOY

MAX_BYTES = 250_000
SIZES = 'SIZES = {"train": (0, 60), "val": (100, 180), "test": (200, 240)}'
SMALL = 'SIZES = {"train": (0, 40), "val": (100, 130), "test": (200, 220)}'


def smaller(folder: Path) -> None:
    """The toy with fewer instances."""
    shutil.copytree(TOY, folder)
    domain = folder / "domain.py"
    text = domain.read_text()
    if SIZES not in text:
        raise SystemExit(f"{domain.name} no longer says {SIZES}")
    domain.write_text(text.replace(SIZES, SMALL))


async def record(workspace: Workspace, options: Options, *, jumps: bool = False, account: bool = False) -> None:
    """A finished and tested run whose log names no place on this machine: the toy is a relative path."""
    planned = await plan(options, print)
    started = planned.started
    named = replace(
        started, domain=replace(started.domain, source=options.domain), isolation={"level": planned.isolation.level}
    )
    if account:  # one candidate spends all of it
        named = replace(
            named, settings=replace(named.settings, gate=t.Gate(0.02, 0.02, named.settings.gate.minimum_effect))
        )
    if jumps:  # as if the toy's scores were known to be tiny
        named = replace(named, settings=replace(named.settings, scale=1e-4))
    control, answers = Control(), iter(("yes", "no", "yes"))

    def answer(event: Event, _: State) -> None:
        if event.type == t.ApprovalAsked.type:
            control.approvals.put_nowait(Approval(next(answers), "a person", "as recorded"))

    async with start(workspace, replace(planned, started=named), [answer]) as run:
        await driver.drive(run, control)
    async with reopen(workspace, "last", workers=1, report=print, resume=False) as run:
        await driver.test(run, Control())


async def record_fork(workspace: Workspace) -> None:
    """A fork of the run from its first verdict; the run has spent all of the error, so the fork's gain is beyond it."""
    with contextlib.closing(workspace.reader()) as reader:
        run = reader.find("last")
        state, at = fold(reader.history(run.run)), gate_event(reader, run, 1)
    fork(workspace, ForkPlan(run.run, at, settings=replace(state.settings, agent="search", script="", seed=4)))
    async with reopen(workspace, "last", workers=1, report=print) as started:
        await driver.drive(started, Control())


def make(target: Path, *, models: bool, jumps: bool, account: bool) -> None:
    """Writes `target`, which must not exist."""
    if target.exists():
        raise SystemExit(f"{target} is there already; a log of the corpus is never replaced")
    os.environ["PYTHONPATH"] = str(TOY.parents[2])  # for the processes that are started from the folder below
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        workspace = Workspace(Path("workspace"))
        options = Options(domain="toys/times7", generations=3, seed=3, probes=6, name="times7")
        if models:
            small(Path(options.domain))
            with AnthropicServer(play) as server:
                os.environ |= environment(server.url)
                talking = replace(options, generations=2, agent="claude", model="anthropic:claude-haiku-4-5")
                asyncio.run(record(workspace, talking))
        else:
            smaller(Path(options.domain))
            if account:
                Path("script.toml").write_text("[[decision]]\nparams = { method = 'table' }\n")
                options = replace(options, generations=2, agent="script:script.toml")
            asyncio.run(record(workspace, options, jumps=jumps, account=account))
            if account:
                asyncio.run(record_fork(workspace))
        with contextlib.closing(Database(workspace.log)) as db:
            db.execute("VACUUM INTO ?", (str(target),))
        os.chdir(target.parent)
    print(f"{target.name}: {target.stat().st_size} bytes")
    if target.stat().st_size > MAX_BYTES:
        raise SystemExit("too large for the corpus")


if __name__ == "__main__":
    make(
        Path(sys.argv[1]).absolute(),
        models="models" in sys.argv[2:],
        jumps="jumps" in sys.argv[2:],
        account="account" in sys.argv[2:],
    )
