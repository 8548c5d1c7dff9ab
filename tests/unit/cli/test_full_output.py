"""Output that nothing takes, as on a full disk: a command says so once, and a run goes on without it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from sia_tui.cli.progress import Progress

FULL = Path("/dev/full")


@pytest.mark.skipif(not FULL.exists(), reason="no /dev/full")
def test_a_command_whose_output_is_full_says_so_once() -> None:
    with FULL.open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "sia_tui", "--version"], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == 1
    assert done.stderr == "sia: No space left on device; fix the cause and try again.\n"


def test_a_run_goes_on_when_its_progress_cannot_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its first line, before the first event, ended the run."""
    with Progress(live=False, quiet=False) as progress:
        written = mock.Mock(side_effect=OSError(28, "No space left on device"))
        console: Any = progress._console
        monkeypatch.setattr(console, "print", written)
        progress._line("one")
        progress._line("two")
    assert written.call_count == 1


WRITES = """
from sia_tui.cli.progress import Progress

with Progress(live=False, quiet=False) as progress:
    progress._line("one")
    progress._line("two")
    print("on it went", file=__import__("sys").stderr)
"""


def test_a_run_goes_on_when_the_reader_of_its_progress_has_gone() -> None:
    """As behind `| head -1`: rich ends the process then, unless it is told otherwise."""
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([sys.executable, "-c", WRITES], stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writer)
    assert done.stderr.startswith("on it went")
