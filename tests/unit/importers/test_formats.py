"""Which tasks of other tools are recognised, and what is said of those that are not whole."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from engine import domain_files
from engine.errors import SiaError
from engine.importers.adopted import adopt
from engine.importers.formats import SHARES, recognise
from tests.docs.commandline import PEERS


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIA_CACHE", str(tmp_path / "cache"))


def copied(kind: str, to: Path) -> Path:
    return Path(shutil.copytree(PEERS / kind, to))


@pytest.mark.parametrize(
    ("kind", "program", "caution"),
    [
        ("openevolve", "initial_program.py", f"{SHARES} (the task's code uses subprocess)"),
        ("shinka", "initial.py", ""),
        ("sia", "reference/reference_target_agent.py", ""),
    ],
)
def test_each_format_is_recognised(kind: str, program: str, caution: str) -> None:
    task = recognise(PEERS / kind)
    assert task is not None
    assert (task.kind, task.program, task.problems) == (kind, program, ())
    adopted = adopt(PEERS / kind)
    assert adopted and adopted.caution == caution
    assert adopted.apart == (kind == "shinka")


@pytest.mark.parametrize(
    ("file", "line", "why"),
    [
        ("evaluate.py", "import subprocess", "the task's code uses subprocess"),
        ("evaluate.py", "from os import fork", "the task's code uses fork"),
        ("evaluate.py", "exec(open('initial.py').read())", "the task's code uses exec"),
        ("beside.py", "import pickle", "the task's code uses pickle"),
        ("beside.py", "import importlib.machinery as m; m.SourceFileLoader", "the task's code uses SourceFileLoader"),
        ("beside.py", "import re; re.compile('a')", ""),
        ("beside.py", "def broken(", "beside.py cannot be parsed"),
        ("initial.py", "import subprocess", ""),
    ],
)
def test_what_could_run_the_program_in_another_way_keeps_it_in_one_process(
    tmp_path: Path, file: str, line: str, why: str
) -> None:
    home = copied("shinka", tmp_path / "task")
    with (home / file).open("a") as more:
        more.write(f"{line}\n")
    adopted = adopt(home)
    assert adopted and adopted.shares == why


def test_the_configuration_is_read() -> None:
    task = recognise(PEERS / "openevolve")
    assert task is not None
    assert task.cascade.thresholds == (0.5,) and task.cascade.timeout_s == 20 and task.cascade.staged
    assert "parabola" in task.words


def test_any_other_folder_is_none(tmp_path: Path) -> None:
    assert adopt(tmp_path) is None


@pytest.mark.parametrize(
    ("files", "lacking"),
    [
        (["evaluator.py"], "no initial_program.py"),
        (["evaluate.py"], "no initial.py"),
        (["data/public/task.md"], "no data/public/evaluate.py"),
        (["data/public/evaluate.py", "data/private/x"], "no reference/reference_target_agent.py"),
    ],
)
def test_a_task_that_is_not_whole_is_refused_with_what_is_missing(
    tmp_path: Path, files: list[str], lacking: str
) -> None:
    for name in files:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    with pytest.raises(SiaError, match=lacking):
        adopt(tmp_path)


@pytest.mark.parametrize("config", ["evaluator:\n  timeout: soon\n", "a: [b\n"])
def test_a_broken_configuration_is_refused(tmp_path: Path, config: str) -> None:
    (tmp_path / "evaluator.py").write_text("")
    (tmp_path / "config.yaml").write_text(config)
    with pytest.raises(SiaError):
        adopt(tmp_path)


def test_the_private_part_is_given_to_the_verifier_alone() -> None:
    adopted = adopt(PEERS / "sia")
    assert adopted is not None
    given = {path.relative_to(adopted.path / "given").as_posix() for path in (adopted.path / "given").rglob("*")}
    assert given == {"task.md", "questions.csv"}
    assert (adopted.path / "verifier/given/data/private/answers.csv").is_file()


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda place: (place / "secrets").symlink_to("/etc/passwd"), "out of the domain's folder"),
        (lambda place: os.truncate(place / "initial.py", (domain_files.MOST_MB + 1) << 20), "holds more than"),
        (lambda place: os.mkfifo(place / "pipe"), "is neither a file nor a folder"),
        (lambda place: (place / "a\nb").write_text(""), "not a path that can be shown"),
        (lambda place: (place / "requirements.txt").write_text("--index-url http://x"), "not a plain requirement"),
        (lambda place: (place / "initial.py").write_text("def f(:"), "cannot evolve: initial.py does not parse"),
        (lambda place: (place / "initial.py").write_text("#" * (1 << 20)), "cannot evolve: the harness is larger"),
    ],
)
def test_a_hostile_folder_is_refused_and_leaves_nothing(
    tmp_path: Path, make: Callable[[Path], object], says: str
) -> None:
    place = copied("shinka", tmp_path / "task")
    make(place)
    with pytest.raises(SiaError, match=says):
        adopt(place)
    assert not list((tmp_path / "cache").rglob("domain.toml"))


def test_what_is_copied_is_readable_by_the_sandbox_s_nobody(tmp_path: Path) -> None:
    place = copied("shinka", tmp_path / "task")
    (place / "evaluate.py").chmod(0o600)
    adopted = adopt(place)
    assert adopted is not None
    copy = adopted.path / "verifier" / "given" / "evaluate.py"
    assert copy.stat().st_mode & 0o777 == 0o644 and copy.parent.stat().st_mode & 0o777 == 0o755


def test_a_changed_file_makes_another_task(tmp_path: Path) -> None:
    task = copied("shinka", tmp_path / "task")
    before = adopt(task)
    (task / "evaluate.py").write_text("print()\n")
    after = adopt(task)
    assert before and after and before.digest != after.digest and before.path != after.path
