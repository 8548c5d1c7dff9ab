"""The `sia` command in a real terminal: it starts, follows the window's size, sleeps, wakes, and leaves no trace."""

from __future__ import annotations

import contextlib
import os
import select
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.pseudo_terminal import PseudoTerminal
from tests.story import sia
from tests.tui.conftest import RUN

COMMANDS = ["", "show last", "diff last 1 2", "show nothing"]
ON = {"alternate screen": b"\x1b[?1049", "mouse": b"\x1b[?1000", "bracketed paste": b"\x1b[?2004"}
"""What the app switches on with `h` and has to switch off with `l`; the cursor is the other way round."""


@contextlib.contextmanager
def app(workspace: Path) -> Iterator[PseudoTerminal]:
    """The app, once the run is on its screen."""
    with PseudoTerminal(sia(workspace)) as terminal:
        terminal.until(lambda shown: RUN in shown.text)
        yield terminal


def left_on(terminal: PseudoTerminal) -> list[str]:
    """What the app has switched on, or changed, and not put back."""
    output = bytes(terminal.output)
    found = [what for what, mode in ON.items() if output.rfind(mode + b"l") < output.rfind(mode + b"h")]
    if output.rfind(b"\x1b[?25h") < output.rfind(b"\x1b[?25l"):
        found.append("hidden cursor")
    if terminal.attributes_now != terminal.attributes:
        found.append("raw input")
    return found


def test_it_starts_and_quits_and_leaves_the_terminal_as_it_was(recorded: Path) -> None:
    with app(recorded) as terminal:
        assert {*ON, "hidden cursor", "raw input"} == set(left_on(terminal))
        terminal.press("q")
        assert terminal.ended() == 0
        assert left_on(terminal) == []
        assert b"Traceback" not in terminal.output


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=["SIGTERM", "SIGHUP"])
def test_a_session_that_ends_gets_its_terminal_back(recorded: Path, number: signal.Signals) -> None:
    with app(recorded) as terminal:
        terminal.process.send_signal(number)
        assert terminal.ended() == 128 + number
        assert left_on(terminal) == []
        assert b"Traceback" not in terminal.output


GONE = """
from textual.drivers.linux_driver import LinuxDriver
from sia_tui.main import main
def gone(self):
    raise OSError("the terminal has gone")
LinuxDriver._disable_mouse_support = gone
main()
"""


def test_it_ends_where_the_terminal_has_gone_when_it_gives_it_back(recorded: Path) -> None:
    with PseudoTerminal([sys.executable, "-c", GONE, "--workspace", str(recorded)]) as terminal:
        terminal.until(lambda shown: RUN in shown.text)
        terminal.press("q")
        terminal.ended()


def test_it_ends_with_the_terminal_of_the_shell_that_started_it(recorded: Path, tmp_path: Path) -> None:
    written = tmp_path / "pid"
    master, slave = os.openpty()
    bash = ["setsid", "--ctty", "env", "--default-signal", "TERM=xterm-256color", "bash", "--norc", "-i"]
    shell = subprocess.Popen(bash, stdin=slave, stdout=slave, stderr=slave)
    os.close(slave)
    command = f"echo $$ > {shlex.quote(str(written))}; exec {shlex.join(sia(recorded))}"
    os.write(master, f"sh -c {shlex.quote(command)}\n".encode())
    shown = b""
    while RUN.encode() not in shown:
        shown += os.read(master, 1 << 16)
    while select.select([master], [], [], 2)[0]:
        os.read(master, 1 << 16)
    app = Path("/proc", written.read_text().strip())
    assert app.exists()
    os.close(master)
    shell.wait(30)
    for _ in range(300):
        if not app.exists():
            return
        time.sleep(0.1)
    os.kill(int(app.name), signal.SIGKILL)
    raise AssertionError("it has outlived its terminal")


def test_a_command_that_waits_for_a_key_gives_the_terminal_back_when_it_is_ended(recorded: Path) -> None:
    with PseudoTerminal(sia(recorded, "replay", "last", "--step")) as terminal:
        terminal.until(lambda shown: "Enter: next line" in shown.text)
        while "raw input" not in left_on(terminal):
            assert terminal.process.poll() is None
            terminal.watch(0.05)
        terminal.process.terminate()
        assert terminal.ended() == 128 + signal.SIGTERM
        assert left_on(terminal) == []


def test_it_follows_the_size_of_the_window(recorded: Path) -> None:
    with app(recorded) as terminal:
        for columns, rows in ((80, 24), (160, 50), (40, 10)):
            terminal.resize(columns, rows)
            terminal.until(lambda shown: RUN in shown.lines[0] and "? Keys" in shown.lines[-1])
        terminal.press("q")
        assert terminal.ended() == 0
        assert left_on(terminal) == []


def test_it_gives_the_terminal_back_while_it_is_suspended(recorded: Path) -> None:
    with app(recorded) as terminal:
        terminal.process.send_signal(signal.SIGTSTP)
        terminal.suspended()
        terminal.settle(0.1)
        assert left_on(terminal) == []
        terminal.screen.reset()
        terminal.process.send_signal(signal.SIGCONT)
        terminal.until(lambda shown: RUN in shown.text)
        assert {"alternate screen", "hidden cursor", "raw input"} <= set(left_on(terminal))
        terminal.press("?")
        terminal.until(lambda shown: "go back to where you were" in shown.text)
        terminal.press("\x1b")
        terminal.until(lambda shown: "go back to where you were" not in shown.text)
        terminal.press("q")
        assert terminal.ended() == 0
        assert left_on(terminal) == []


def told(command: str, workspace: Path, env: dict[str, str]) -> bytes:
    """All that `command` writes to a terminal."""
    with PseudoTerminal(sia(workspace, *command.split()), env=env) as terminal:
        terminal.ended(60)
        return bytes(terminal.output)


def test_leaving_says_what_came_of_the_run_and_how_to_come_back(recorded: Path) -> None:
    with app(recorded) as terminal:
        terminal.press("q")
        assert terminal.ended() == 0
        last = bytes(terminal.output).rpartition(b"\x1b[?1049l")[2].decode()
    assert f"{RUN} is " in last
    assert "best 0." in last
    assert "on val" in last
    assert f"`sia --workspace {recorded}` opens the app again" in " ".join(last.split())
    assert f"`sia show {RUN} --workspace {recorded}` prints its report" in " ".join(last.split())


@pytest.mark.parametrize("env", [{"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=["NO_COLOR", "TERM=dumb"])
def test_a_terminal_that_wants_plain_output_gets_it(recorded: Path, env: dict[str, str]) -> None:
    for command in COMMANDS if "TERM" in env else COMMANDS[1:]:
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
