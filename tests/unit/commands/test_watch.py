"""`sia run DIR --watch`: each save begins a run; what was begun before stays in the log."""

from __future__ import annotations

import contextlib
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engine.errors import SiaError
from engine.events.reader import Reader
from tests.docs.commandline import TOY, sia, words

WAIT_S = 60.0


def wait_until(holds: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not holds():
        assert process.poll() is None, "sia ended"
        assert time.monotonic() < deadline, f"not within {WAIT_S:g} s"
        time.sleep(0.02)


class Watched:
    """A run on a copy of the toy, whose second candidate awaits approval: it stays live until ended."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder, self.said = folder, folder / "said.txt"
        self.task = shutil.copytree(TOY, folder / "task", ignore=shutil.ignore_patterns("__pycache__"))
        (folder / "rule.toml").write_text('[[decision]]\nreason = "use the rule"\nparams = { method = "rule" }\n')
        command = ["run", "task", "--watch", "--agent", "script:rule.toml", "--approve", "all", "--generations", "2"]
        with self.said.open("wb") as output:
            self.process = subprocess.Popen(words([*command, *options]), cwd=folder, stdout=output, stderr=output)

    def waits(self, name: str) -> bool:
        """Whether that run awaits approval."""
        return "approval.asked" in self.types(name)

    def types(self, name: str) -> list[str]:
        with contextlib.suppress(SiaError), contextlib.closing(Reader.open(self.folder / ".sia/events.db")) as reader:
            return [event.type for event in reader.history(reader.find(name).run)]
        return []

    def until(self, holds: Callable[[], bool]) -> None:
        wait_until(holds, self.process)


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    made = Watched(tmp_path)
    try:
        yield made
    finally:
        made.process.kill()
        made.process.wait()


def test_a_save_stops_the_run_and_begins_another(watched: Watched) -> None:
    watched.until(lambda: watched.waits("times7-1"))
    agent = watched.task / "harness" / "agent.py"
    right = agent.read_text()

    agent.write_text("def solve(:")
    watched.until(lambda: "does not parse" in watched.said.read_text())
    assert watched.types("times7-1")[-1] == "run.stopped"
    assert watched.types("times7-2") == []

    (watched.task / ".hidden").write_text("nobody minds")
    agent.write_text(f"{right}# better\n")
    watched.until(lambda: watched.waits("times7-2"))
    assert "harness/agent.py changed: starting a new run" in watched.said.read_text()

    watched.process.send_signal(signal.SIGINT)
    assert watched.process.wait(WAIT_S) == 0
    assert watched.types("times7-2")[-1] == "run.paused"
    assert watched.types("times7-3") == []
    assert sia(watched.folder, "verify").status == 0


def test_a_run_that_is_done_waits_for_the_next_save(tmp_path: Path) -> None:
    watched = Watched(tmp_path, "--approve", "none")
    try:
        watched.until(lambda: "waiting for the next save" in watched.said.read_text())
        assert "run.finished" in watched.types("times7-1")
        watched.task.joinpath("task.md").write_text("Given x, answer with the last digit of 7 x.\n")
        watched.until(lambda: "run.finished" in watched.types("times7-2"))
    finally:
        watched.process.kill()
        watched.process.wait()


@pytest.mark.parametrize(("words", "says"), [(["lawbench"], "comes with sia"), ([str(TOY), "--name", "x"], "--name")])
def test_what_cannot_be_watched_is_refused(tmp_path: Path, words: list[str], says: str) -> None:
    done = sia(tmp_path, "run", *words, "--watch")
    assert (done.status, says in done.errors) == (1, True), done
    assert not (tmp_path / ".sia").exists()
