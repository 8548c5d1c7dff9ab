"""Makes a sealed log for the corpus: a short run of the toy domain, as this release writes it.

Run from the repository's root: python -m tests.golden.make [FILE]. Add a file whenever the events, their payloads or
the rules change; never replace or delete one, since old logs must keep replaying.
"""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
import tempfile
from pathlib import Path

from msgspec.structs import replace

from engine.events.reader import Reader
from engine.loop.control import Control
from engine.loop.driver import drive
from engine.loop.launch import Options, begin, plan
from engine.loop.workspace import Workspace
from tests.story import sia

MAX_BYTES = 200_000
TOY = "tests/toys/times7"


async def record(workspace: Path) -> None:
    """A finished run whose log names the toy by its place in the repository, not on this machine."""
    planned = await plan(Options(domain=TOY, generations=3, seed=3, probes=6, name="times7"), print)
    domain = replace(planned.started.domain, source=TOY)
    planned = replace(planned, started=replace(planned.started, domain=domain))
    async with begin(Workspace(workspace), planned) as run:
        await drive(run, Control())


def make(target: Path) -> None:
    """Writes `target`, which must not exist."""
    if target.exists():
        raise SystemExit(f"{target} is there already; a log of the corpus is never replaced")
    with tempfile.TemporaryDirectory() as folder:
        workspace = Path(folder)
        asyncio.run(record(workspace))
        subprocess.run(sia(workspace, "test", "last"), check=True)
        with contextlib.closing(Reader.open(workspace / "events.db")) as reader:
            reader.db.conn.execute("VACUUM INTO ?", (str(target),))
        print(f"{target.name}: {target.stat().st_size} bytes")
        if target.stat().st_size > MAX_BYTES:
            raise SystemExit("too large for the corpus")


if __name__ == "__main__":
    make(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "v1-times7.db")
