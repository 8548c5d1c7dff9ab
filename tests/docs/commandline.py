"""`sia` as a reader of the documentation would call it: in a folder of their own, on a task small enough for a test."""

from __future__ import annotations

import contextlib
import functools
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from click.testing import CliRunner

from engine.errors import SiaError
from engine.events.reader import Reader
from engine.sandbox import probe
from sia_tui.main import cli

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
TOY = ROOT / "tests" / "toys" / "times7"
PEERS = ROOT / "tests" / "toys" / "peers"
RUNS_HARNESSES = ("run", "resume", "branch", "fork", "test", "apply", "check", "adopt", "talk")
STARTS_PROCESSES = (
    *RUNS_HARNESSES,
    "export",
    "import",
    "checkout",
    "data",
    "doctor",
    "bench",
    "new",
    "trust",
    "relink",
)
WAIT_S = 30.0


class Done(NamedTuple):
    """The result of a command."""

    status: int
    output: str
    errors: str


@functools.cache
def contained() -> bool:
    """Whether this machine can build a sandbox; where not, harnesses are run as a person would run them here."""
    return probe().level != "none"


def words(arguments: Sequence[str]) -> list[str]:
    """The command line of `sia` with `arguments`."""
    unsafe = ["--unsafe-no-sandbox"] if arguments[:1] and arguments[0] in RUNS_HARNESSES and not contained() else []
    return [sys.executable, "-m", "sia_tui", *arguments, *unsafe]


def sia(folder: Path, *arguments: str) -> Done:
    """Calls `sia` as in `folder`, whose `.sia` is the workspace; what only reads is called in this process."""
    if arguments[0] in STARTS_PROCESSES or "--plots" in arguments:  # which writes a folder where it is called
        done = subprocess.run(
            words(arguments), cwd=folder, env=_environment(), capture_output=True, text=True, check=False
        )
        return Done(done.returncode, done.stdout, done.stderr)
    more = [] if arguments[0] == "completion" else ["--workspace", str(folder / ".sia")]
    result = CliRunner().invoke(cli, [*arguments, *more])
    return Done(result.exit_code, result.stdout, f"{result.stderr}{result.exception or ''}")


@contextlib.contextmanager
def serving(folder: Path, arguments: Sequence[str]) -> Iterator[str]:
    """A server of the app; its address, as it prints it."""
    process = subprocess.Popen(words(arguments), cwd=folder, env=_environment(), stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        for line in process.stdout:
            if "http://" in line:
                yield line.strip()
                break
        else:
            raise AssertionError("the server ended without an address")
    finally:
        process.terminate()
        process.wait(WAIT_S)
        process.stdout.close()


def served(folder: Path, arguments: Sequence[str]) -> int:
    """Starts a server and asks it for its page as a browser would; returns the HTTP status."""
    with serving(folder, arguments) as address:
        deadline = time.monotonic() + WAIT_S
        while True:
            with contextlib.suppress(urllib.error.URLError), urllib.request.urlopen(address) as page:  # noqa: S310 - ours
                assert b"sia" in page.read()
                return int(page.status)
            assert time.monotonic() < deadline, f"no page within {WAIT_S:g} s"
            time.sleep(0.05)


@contextlib.contextmanager
def live_run(folder: Path, *options: str, until: str = "step.started") -> Iterator[subprocess.Popen[bytes]]:
    """A run that an engine is working on at this moment; its log has an event of the type `until`."""
    process = subprocess.Popen(
        words(["run", str(TOY), *options]),
        cwd=folder,
        env=_environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + WAIT_S
        while not _came_to(folder, until):
            assert process.poll() is None, f"the run ended without {until}"
            assert time.monotonic() < deadline, f"no {until} within {WAIT_S:g} s"
            time.sleep(0.02)
        yield process
        process.wait(WAIT_S)
    finally:
        process.kill()
        process.wait()


@contextlib.contextmanager
def waiting_run(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A live run whose second candidate awaits approval; it ends at the end of the block."""
    (folder / "rule.toml").write_text('[[decision]]\nreason = "use the rule"\nparams = { method = "rule" }\n')
    options = ("--agent", "script:rule.toml", "--generations", "2", "--approve", "harness")
    with live_run(folder, *options, until="approval.asked") as process:
        yield process


def _came_to(folder: Path, until: str) -> bool:
    try:
        with contextlib.closing(Reader.open(folder / ".sia" / "events.db")) as reader:
            run = reader.find("last")
            return run.status == "running" and any(event.type == until for event in reader.history(run.run))
    except SiaError:
        return False


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SIA_WORKSPACE")}
    return kept | {"PYTHONPATH": str(ROOT)}
