"""Peers that ask a model: what a driver is told and tells, how it ends, and each library as the index has it."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from benchmarks.arena import environment, grid, methods, tasks
from benchmarks.arena.cell import BudgetSpent, Cell
from benchmarks.arena.methods import driver
from benchmarks.arena.methods.peer import PEERS, PeerFailed
from benchmarks.arena.service import Account

TASK = tasks.find("minimization")
START = TASK.start(1)
LIBRARIES = [name for name, method in methods.METHODS.items() if method.kinds == ("program",) and method.pins]
ASKS = f"""
import json, pathlib, sys, urllib.error, urllib.request
sys.path.insert(0, {str(PEERS)!r})
from program_protocol import evaluator, marked, play, score


def ask(told):
    prompt = f"{{told.task}}\\n```python\\n{{told.program}}\\n```"
    body = {{"model": told.model, "messages": [{{"role": "user", "content": prompt}}]}}
    try:
        asked = urllib.request.Request(told.base_url + "/chat/completions", json.dumps(body).encode())
        text = json.load(urllib.request.urlopen(asked))["choices"][0]["message"]["content"]
    except urllib.error.HTTPError as error:
        raise RuntimeError(error.read().decode()) from None
    return text.split("```python\\n")[1].split("```")[0]

"""


PLAYS = """
import pathlib, sys
from tests.unit.benchmarks.test_arena_peers import START, TASK
from benchmarks.arena.methods import driver
from benchmarks.arena.service import Account
counted = Account(lambda text: (0.0, ""), START, 3, 0.0)
driver._play(pathlib.Path(sys.executable), pathlib.Path(sys.argv[1]), TASK, 1, counted)
"""


def drive(tmp_path: Path, body: str, proposals: int = 3) -> Account:
    """What was counted of a driver whose program is `body`, run by this interpreter."""
    script = tmp_path / "driver.py"
    script.write_text(ASKS + body)
    assert TASK.judge is not None
    counted = Account(TASK.judge, START, proposals, TASK.tolerance)
    with pytest.raises(BudgetSpent):
        driver._play(Path(sys.executable), script, TASK, 1, counted)
    counted.close()
    return counted


def test_a_driver_is_told_the_start_and_scores_programs(tmp_path: Path) -> None:
    counted = drive(
        tmp_path,
        "def run(told):\n"
        "    print('noise')\n"
        f"    assert score(told.score_url, told.program) == ({TASK.score(START)}, '')\n"
        "    assert 'SyntaxError' in score(told.score_url, 'def')[1]\n"
        "    for _ in range(told.proposals):\n"
        "        score(told.score_url, ask(told))\n"
        "    assert pathlib.Path.cwd() == told.folder.resolve()\n"
        "play(run)\n",
    )
    assert (counted.proposals, counted.refused, counted.evaluations) == (3, 0, 1 + 2 + 3)


def test_a_module_that_a_library_loads_for_itself_scores_programs(tmp_path: Path) -> None:
    counted = drive(
        tmp_path,
        "import subprocess\n"
        "def run(told):\n"
        "    module = evaluator(told, 'print(score(SCORE_URL, sys.argv[1])[0])')\n"
        "    said = subprocess.run([sys.executable, module, marked(ask(told))], stdout=subprocess.PIPE, check=True)\n"
        "    assert float(said.stdout)\n"
        "play(run)\n",
        proposals=1,
    )
    assert counted.evaluations == 2


def test_a_driver_whose_library_meets_the_refusal_has_not_failed(tmp_path: Path) -> None:
    assert drive(tmp_path, "def run(told):\n    while True: ask(told)\nplay(run)\n").refused == 1


def test_what_fails_is_said_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(PeerFailed, match=r"^ValueError: this is one line$"):
        drive(tmp_path, "def run(told):\n    raise ValueError('this is\\none line')\nplay(run)\n")
    with pytest.raises(PeerFailed, match=r"no_such_library"):
        drive(tmp_path, "import no_such_library\n")


def test_a_driver_ends_with_the_arena_and_so_does_what_it_began(tmp_path: Path) -> None:
    script, began = tmp_path / "driver.py", tmp_path / "began"
    script.write_text(
        f"{ASKS}import os, subprocess, time\n"
        "def run(told):\n"
        "    child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        f"    pathlib.Path({str(began)!r} + '.new').write_text(f'{{os.getpid()}} {{child.pid}}')\n"
        f"    os.rename({str(began)!r} + '.new', {str(began)!r})\n"
        "    time.sleep(600)\n"
        "play(run)\n"
    )
    arena = subprocess.Popen([sys.executable, "-c", PLAYS, str(script)], cwd=Path(__file__).parents[3])
    while not began.exists():
        assert arena.poll() is None
        time.sleep(0.01)
    arena.kill()
    arena.wait()
    while any(_runs(int(one)) for one in began.read_text().split()):
        time.sleep(0.01)


def _runs(process: int) -> bool:
    try:
        return bool(psutil.Process(process).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def test_marks_are_set_once() -> None:
    sys.path.insert(0, str(PEERS))
    try:
        from program_protocol import marked
    finally:
        sys.path.remove(str(PEERS))
    once = marked("x = 1\n")
    assert once == "# EVOLVE-BLOCK-START\nx = 1\n# EVOLVE-BLOCK-END\n"
    assert marked(once) == once


def test_a_driver_is_sent_to_the_arena_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "https://example.org")
    monkeypatch.setenv("HTTP_PROXY", "http://example.org")
    given = driver._environment()
    assert "OPENAI_BASE_URL" not in given
    assert given["NO_PROXY"] == "127.0.0.1"


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", LIBRARIES)
def test_a_library_plays_as_it_comes_from_the_index(name: str) -> None:
    python = environment.make(name, methods.find(name).pins, print)
    outcome = grid.play(Cell(TASK.name, name, 1, 8), python)
    assert outcome.failure == ""
    assert outcome.spent["proposals"] == 8
    assert outcome.spent["evaluations"] >= 1 + 8 - outcome.spent["wasted calls"]
    assert outcome.spent["wasted calls"] <= 4


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", LIBRARIES)
def test_a_library_that_is_refused_ends_well_and_at_once(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    python = environment.make(name, methods.find(name).pins, print)
    assert TASK.judge is not None
    counted = Account(TASK.judge, START, 2, TASK.tolerance)
    monkeypatch.setattr(Account, "left", 6)  # the library is told of six, and the server grants two
    monkeypatch.setattr(Account, "take", _take_two)
    with pytest.raises(BudgetSpent):
        driver._play(python, driver.PEERS / f"{name}_program.py", TASK, 1, counted)
    assert counted.proposals == 2


def _take_two(counted: Account) -> int | None:
    if counted.proposals == 2:
        counted.refused += 1
        return None
    counted.proposals += 1
    return counted.proposals
