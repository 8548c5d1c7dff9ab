"""The product as a user runs it: `sia run` on a domain made for the task, with a language model as its agent.

`ours-tuned` is the same with `--tune`: numbers are tuned by probes, which are evaluations and no proposals. All of it
takes part: prompts, tools, checks of a proposal, the gate. The harness is the program and a module that hands
it in. Each reply of the model is a proposal, whether it reads a file or decides.
"""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import tomli_w

from benchmarks.arena.cell import BudgetSpent, Meter
from benchmarks.arena.method import Method, Play
from benchmarks.arena.methods.peer import CALM, PeerFailed
from benchmarks.arena.service import Account, Service, model
from benchmarks.arena.service.score_socket import ScoreSocket
from benchmarks.arena.task import Task
from engine.agents import language
from engine.events import types as t
from engine.events.reader import Reader

_ROOT = Path(__file__).parents[3]
_TEMPLATE = Path(__file__).parents[1] / "domain"
_IDLE = 3
"""So many starts without a new proposal show that it has nothing left to ask."""


def write_domain(folder: Path, task: Task, program: str, socket: Path) -> None:
    """The task as a domain in `folder`."""
    shutil.copytree(_TEMPLATE, folder, ignore=shutil.ignore_patterns("__pycache__"))
    told = {
        "name": f"arena-{task.name}",
        "title": task.about.split(". ")[0],
        "metric": "score",
        "minimum_effect": task.tolerance,
        "train_sample": 1,
        "probe_fold": 1,
        "learns": False,
        "grade_wall_s": 300,
    }
    (folder / "domain.toml").write_text(tomli_w.dumps(told))
    (folder / "task.md").write_text(task.about + "\n")
    (folder / "socket.txt").write_text(str(socket))
    (folder / "harness" / "program.py").write_text(program)


def _play(options: Sequence[str], task: Task, seed: int, meter: Meter) -> None:
    assert isinstance(meter, Account)  # noqa: S101 - a task of programs has one
    with (
        Service(meter, model.replies(task, seed)) as service,
        ScoreSocket(meter) as scorer,
        tempfile.TemporaryDirectory() as scratch,
    ):
        folder, workspace = Path(scratch) / "task", Path(scratch) / "runs"
        write_domain(folder, task, str(meter.start.candidate), scorer.path)
        run = ["run", str(folder), "--agent", "openai", "--agent-model", f"openai:{service.model}@{service.url}/v1"]
        run += ["--seed-harness", "--generations", str(meter.left + 2), "--seed", str(seed), "--workers", "1"]
        run += options
        idle, said = 0, _sia(run, workspace)
        while not service.ended.is_set() and idle < _IDLE:
            before = meter.proposals
            said = _sia(["resume", "last"], workspace)
            idle = idle + 1 if meter.proposals == before else 0
        meter.count("accepted", _accepted(workspace))
    if not service.ended.is_set():
        raise PeerFailed(said)
    raise BudgetSpent


def _sia(words: list[str], workspace: Path) -> str:
    """Runs the command line to its end; its last words."""
    command = [sys.executable, "-m", "sia_tui", *words, "--workspace", str(workspace), "--headless"]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        cwd=workspace.parent,
        env={**os.environ, **CALM, "PYTHONPATH": str(_ROOT)},
    )
    return (done.stderr.strip() or done.stdout.strip() or "it ended without a word").splitlines()[-1][:300]


def _accepted(workspace: Path) -> int:
    """How many candidates the gate accepted over an incumbent."""
    if not (workspace / "events.db").is_file():
        return 0
    with contextlib.closing(Reader.open(workspace / "events.db")) as reader:
        events = [event.payload for event in reader.history(reader.find("last").run)]
    verdicts = [one for one in events if isinstance(one, t.GateDecided)]
    return sum(one.accepted for one in verdicts) - bool(verdicts)


def _method(name: str, *options: str) -> Method:
    def bind(python: Path | None) -> Play:
        return functools.partial(_play, options)

    return Method(name, ("program",), bind, sources=[one for one in _sources() if one.suffix != ".pyc"])


def _sources() -> list[Path]:
    agent = Path(language.__file__).parent
    return [*sorted(agent.rglob("*.py")), *sorted(agent.rglob("*.md")), *sorted(_TEMPLATE.rglob("*.*")), Path(__file__)]


PROBES = 8
METHOD = _method("ours-model")
TUNED = _method("ours-tuned", "--tune", str(PROBES))
