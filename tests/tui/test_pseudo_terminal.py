"""Who asks for plain output gets it: no colours, no moving bars, no escape sequence at all."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from benchmarks.pseudo_terminal import PseudoTerminal
from benchmarks.synthetic import write
from tests.story import sia

COMMANDS = ["ls", "show last", "diff last 1 2", "replay last", "show nothing"]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with a made-up run; tests only look at it."""
    path = tmp_path_factory.mktemp("recorded")
    write(path, 2000)
    return path


def told(command: str, workspace: Path, env: dict[str, str]) -> bytes:
    """All that `command` writes to a terminal."""
    with PseudoTerminal(sia(workspace, *command.split()), env=env) as terminal:
        terminal.ended(60)
        return bytes(terminal.output)


@pytest.mark.parametrize("env", [{"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=["NO_COLOR", "TERM=dumb"])
def test_a_terminal_that_wants_plain_output_gets_it(recorded: Path, env: dict[str, str]) -> None:
    for command in COMMANDS:
        shown = told(command, recorded, env)
        assert shown.strip()
        assert b"\x1b" not in shown, command


def test_a_terminal_gets_colours(recorded: Path) -> None:
    assert b"\x1b[" in told("diff last 1 2", recorded, {})


def test_a_pipe_gets_plain_output(recorded: Path) -> None:
    for command in COMMANDS:
        done = subprocess.run(sia(recorded, *command.split()), capture_output=True, check=False)
        assert (done.stdout + done.stderr).strip()
        assert b"\x1b" not in done.stdout + done.stderr, command
