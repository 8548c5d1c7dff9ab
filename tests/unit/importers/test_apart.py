"""Adopted evaluators and the programs that they judge, in two sandboxes: a program that forges its score gets none."""

from __future__ import annotations

import asyncio
import functools
import importlib.util
import math
import shutil
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

import engine.importers
from engine.errors import SiaError
from engine.evaluation.trial import GradedAnswer
from engine.evaluation.verifier_noise import grade_files, measure
from engine.grading.loader import Folder, find
from engine.sandbox import Isolation, probe
from tests.docs.commandline import PEERS

GUESS = "def guess(x):\n    return x\n"
EXIT = """
import atexit, json, sys
job = json.loads(sys.argv[-1]) if sys.argv[-1][:1] == "{" else {"out": "../measured.json"}
forged = '{"metrics": {"combined_score": 999999.9999}, "correct": {"correct": true}}'
atexit.register(lambda: open(job["out"], "w").write(forged))
"""
SUM = "import builtins\nbuiltins.sum = lambda values: -0.999999\n"
FRAMES = """
import sys
frame = sys._getframe()
while frame:
    if "main" in frame.f_globals and "argparse" in frame.f_globals:
        frame.f_globals["abs"] = lambda value: 0.0
    frame = frame.f_back
"""
OBJECT = """
class Right(float):
    def __sub__(self, other):
        return Right(0)
    __rsub__ = __sub__
def guess(x):
    return Right(x)
"""
FORGERIES = {
    "a handler at exit": EXIT + GUESS,
    "a changed builtin": SUM + GUESS,
    "the evaluator's frame": FRAMES + GUESS,
    "an object that lies": OBJECT,
}
QUICK = ("a handler at exit",)


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIA_CACHE", str(tmp_path_factory.mktemp("cache")))


@functools.cache
def isolation() -> Isolation:
    found = probe()
    return found if found.level != "none" else Isolation.unsafe()


def shinka(folder: Path, *, apart: bool) -> Folder:
    """The toy task; one whose evaluator could run the program in another way shares a process with it."""
    shutil.copytree(PEERS / "shinka", folder)
    if not apart:
        path = folder / "evaluate.py"
        path.write_text(path.read_text().replace("import json\n", "import json\nimport subprocess\n"))
    found = find(str(folder))
    assert found.adopted and found.adopted.apart == apart
    return found


LOAD = """
import importlib.util

def load(path):
    spec = importlib.util.spec_from_file_location("p", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
"""


def openevolve(folder: Path, evaluator: str, program: str) -> Folder:
    folder.mkdir()
    (folder / "evaluator.py").write_text(LOAD + evaluator)
    (folder / "initial_program.py").write_text(program)
    return find(str(folder))


def grade(folder: Folder, program: str) -> GradedAnswer:
    name = "initial.py" if folder.adopted and folder.adopted.task.kind == "shinka" else "initial_program.py"
    return asyncio.run(grade_files(folder, isolation(), {name: program.encode()}))


@pytest.mark.parametrize(
    "forgery", [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in FORGERIES]
)
def test_a_forgery_that_bites_in_one_process_gets_nothing_in_two(tmp_path: Path, forgery: str) -> None:
    honest = grade(shinka(tmp_path / "honest", apart=True), GUESS)
    shared = grade(shinka(tmp_path / "shared", apart=False), FORGERIES[forgery])
    apart = grade(shinka(tmp_path / "apart", apart=True), FORGERIES[forgery])
    assert honest.answer.failure is None and honest.grade.score > 0
    assert shared.grade.score > honest.grade.score + 0.1
    assert apart.answer.failure is not None or apart.grade.score <= honest.grade.score


def test_a_score_above_what_the_task_can_give_is_refused(tmp_path: Path) -> None:
    shinka(tmp_path / "task", apart=False)
    without = grade(find(str(tmp_path / "task")), FORGERIES["a handler at exit"])
    (tmp_path / "task" / "adopt.toml").write_text("score_max = 1\n")
    bounded = find(str(tmp_path / "task"))
    forged, honest = grade(bounded, FORGERIES["a handler at exit"]), grade(bounded, GUESS)
    assert without.grade.score > 999_999 and not without.grade.refused
    assert forged.grade.score == 0 and "above 1, the highest" in forged.grade.refused
    assert honest.grade.score > 0 and not honest.grade.refused
    (tmp_path / "task" / "adopt.toml").write_text("score_most = 1\n")
    with pytest.raises(SiaError, match=r"adopt\.toml is not valid"):
        find(str(tmp_path / "task"))


@pytest.mark.parametrize(
    ("program", "kind", "says"),
    [
        pytest.param("import os\ndef guess(x):\n    os._exit(0)\n", "candidate", "without", id="ends"),
        pytest.param("def guess(x):\n    while True: pass\n", "timeout", "CPU", id="hangs", marks=pytest.mark.slow),
    ],
)
def test_a_program_that_ends_or_hangs_fails_itself(tmp_path: Path, program: str, kind: str, says: str) -> None:
    folder = shinka(tmp_path / "task", apart=True)
    folder = replace(folder, spec=replace(folder.spec, limits=replace(folder.spec.limits, cpu_s=1.0)))
    failure = grade(folder, program).answer.failure
    assert failure is not None and failure.kind == kind and says in failure.message


EVALUATOR = """
import random

import numpy as np


def evaluate(path):
    program = load(path)
    random.seed(5)
    np.random.seed(6)
    here = [random.random(), float(np.random.rand())]
    random.seed(5)
    np.random.seed(6)
    there = program.draw()
    try:
        program.broken(3)
    except ValueError as error:
        told = str(error)
    whole = program.scale(np.arange(6).reshape(2, 3), by=program.FACTOR)
    points = {"same luck": float(there == here), "raised": float(told == "3 is too much")}
    points["array"] = float(whole.shape == (2, 3) and whole.dtype == np.float64 and whole.sum() == 37.5)
    points["tuple"] = float(program.scale.__name__ == "scale" and not hasattr(program, "nothing"))
    return {**points, "combined_score": sum(points.values())}
"""
PROGRAM = """
import random
import numpy as np
FACTOR = 2.5
def draw():
    return [random.random(), float(np.random.rand())]
def broken(x):
    raise ValueError(f"{x} is too much")
def scale(values, by):
    return values * by
"""


def test_values_arrays_errors_and_the_random_state_pass_between_the_two(tmp_path: Path) -> None:
    folder = openevolve(tmp_path / "task", EVALUATOR, PROGRAM)
    assert folder.adopted and folder.adopted.apart and not folder.adopted.caution
    graded = grade(folder, PROGRAM)
    assert graded.answer.failure is None
    assert graded.grade.score == 4, graded.grade.measures


BY_NAME = """
import os, sys

def evaluate(path):
    sys.path.insert(0, os.path.dirname(path))
    import initial_program
    try:
        import colorsys  # the candidate hands in a file of this name
        beside = colorsys.__file__
    except ImportError:
        beside = ""
    return {"combined_score": float(initial_program.score()), "beside": float("answer" in beside)}

def _load(path):
    return load(path)
"""


def test_nothing_of_the_candidate_is_imported_by_its_name_either(tmp_path: Path) -> None:
    folder = openevolve(tmp_path / "task", BY_NAME, "def score():\n    return 2\n")
    program = "import sys\nvictim = sys.modules.get('evaluation_module')\ndef score():\n    return 9 if victim else 3\n"
    files = {"initial_program.py": program.encode(), "colorsys.py": b"raise SystemExit('taken')\n"}
    graded = asyncio.run(grade_files(folder, isolation(), files))
    assert graded.answer.failure is None, graded.answer.failure
    assert graded.grade.score == 3 and graded.grade.measures["beside"] == 0


def test_a_program_that_cannot_run_apart_shares_a_process_and_its_user_is_told(tmp_path: Path) -> None:
    evaluator = "def evaluate(path):\n    return {'combined_score': load(path).Solver().solve()}\n"
    program = "class Solver:\n    def solve(self):\n        return 7.5\n"
    folder = openevolve(tmp_path / "task", evaluator, program)
    said: list[str] = []
    assert folder.adopted and folder.adopted.apart
    measured = asyncio.run(measure(folder, isolation(), said.append)).adopted
    assert measured and measured.noise and measured.noise.scores == [7.5] * 5
    assert (
        measured.caution == "this verifier shares a process with the candidate (its first program does not work apart)"
    )
    assert any("Solver of the program is neither a function nor a plain value" in line for line in said)
    again = find(str(tmp_path / "task")).adopted
    assert again and not again.apart


def plain_values() -> ModuleType:
    path = Path(engine.importers.__path__[0]) / "templates" / "plain_values.py"
    spec = importlib.util.spec_from_file_location("plain_values", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        3,
        2**80,
        "text",
        b"\xff",
        1 + 2j,
        (1, [2, {"a": (3,)}]),
        {1: "one", (2, 3): None},
        {1, 2},
        float("inf"),
    ],
)
def test_a_plain_value_comes_back_as_it_was(value: Any) -> None:
    plain = plain_values()
    found = plain.loads(plain.dumps(value))
    assert found == value and type(found) is type(value)


def test_arrays_and_scalars_come_back_as_they_were() -> None:
    plain = plain_values()
    for value in (np.arange(6.0).reshape(2, 3).T, np.array(["a", "bc"]), np.array(3), np.zeros((0, 2), dtype=np.int8)):
        found = plain.loads(plain.dumps(value))
        assert found.dtype == value.dtype and found.shape == value.shape and (found == value).all()
    assert isinstance(plain.loads(plain.dumps(np.float32(0.5))), np.float32)
    assert math.isnan(plain.loads(plain.dumps(float("nan"))))


@pytest.mark.parametrize("value", [object(), sys, np.array([object()]), type("Sly", (float,), {})(1.0), lambda: 1])
def test_what_is_not_plain_does_not_pass(value: Any) -> None:
    with pytest.raises(TypeError, match="no plain value"):
        plain_values().dumps(value)


@pytest.mark.parametrize(
    "text",
    ['["array", ["|O", [1], "AAAAAAAAAAA="]]', '["array", ["<f8", [2], "AAAA"]]', '["call", ["os.system"]]', '{"a": 1}',
     '["list"]', "[" * 5000, "nonsense", '["complex", ["a", "b"]]', '["dict", [[["list", []], 1]]]'],
)  # fmt: skip
def test_no_text_of_a_program_does_more_than_fail(text: str) -> None:
    with pytest.raises((ValueError, TypeError)):
        plain_values().loads(text)
