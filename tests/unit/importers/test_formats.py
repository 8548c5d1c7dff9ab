"""Which tasks of other tools are recognised, and the errors for incomplete ones."""

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


@pytest.mark.parametrize(
    ("head", "encoding", "kept"),
    [
        ("# -*- coding: latin-1 -*-\n# é\n", "latin-1", "# -*- coding: utf-8 -*-\n# é\n"),
        (
            "#!/usr/bin/python\n# vim: set fileencoding=cp1251 :\n# ж\n",
            "cp1251",
            "# vim: set fileencoding=utf-8 :\n# ж\n",
        ),
        ("# coding: shift_jis\r\n# 日本\r\n", "shift_jis", "# coding: utf-8\n# 日本\n"),
        ("# é\n", "utf-8-sig", "# é\n"),
        ("# coding: utf-8\n# é\n", "utf-8", "# coding: utf-8\n# é\n"),
    ],
)
@pytest.mark.parametrize("kind", ["openevolve", "shinka", "sia"])
def test_a_python_file_in_a_declared_encoding_is_read_as_python_reads_it(
    tmp_path: Path, kind: str, head: str, encoding: str, kept: str
) -> None:
    home = copied(kind, tmp_path / "task")
    task = recognise(home)
    assert task
    for name in (task.program, task.evaluator):
        (home / name).write_bytes((head + (home / name).read_text()).encode(encoding))
    adopted = adopt(home)
    assert adopted
    name = "target_agent.py" if kind == "sia" else task.program
    text = (adopted.path / "harness" / name).read_text(encoding="utf-8")
    assert kept in text and "\r" not in text
    compile(text.encode(), name, "exec")
    assert (adopted.path / "verifier" / "given" / task.evaluator).read_bytes() == (home / task.evaluator).read_bytes()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("initial.py", "# é\n".encode("latin-1")),
        ("initial.py", b"# coding: klingon\n"),
        ("initial.py", b"# coding: rot13\n"),
        ("initial.py", b"# coding: ascii\n\n\n" + "# é\n".encode()),
        ("initial.py", "VALUE = 1\n".encode("utf-16")),
        ("evaluate.py", "# é\n".encode("latin-1")),
    ],
)
def test_a_file_that_is_not_in_its_encoding_is_refused_in_a_sentence(tmp_path: Path, name: str, content: bytes) -> None:
    home = copied("shinka", tmp_path / "task")
    (home / name).write_bytes(content)
    with pytest.raises(SiaError, match=f"{name} cannot be read: .*save it as UTF-8"):
        adopt(home)


def test_a_program_in_another_language_is_utf_8(tmp_path: Path) -> None:
    home = copied("shinka", tmp_path / "task")
    (home / "initial.py").unlink()
    (home / "initial.rs").write_bytes("// é\n".encode("latin-1"))
    with pytest.raises(SiaError, match=r"initial\.rs cannot be read"):
        adopt(home)


def test_configurations_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    home = copied("openevolve", tmp_path / "task")
    (home / "config.yaml").write_bytes((home / "config.yaml").read_text().encode("utf-8-sig"))
    (home / "adopt.toml").write_text("score_max = 1\n", encoding="utf-8-sig")
    task = recognise(home)
    assert task and task.cascade.timeout_s == 20 and task.score_max == 1
