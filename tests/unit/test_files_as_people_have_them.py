"""Each text that a user writes, in each form in which editors and shells save it: taken, or one sentence about it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.agents.scripted import parse_script
from engine.errors import SiaError
from engine.grading.loader import find
from engine.importers import packages
from engine.importers.formats import recognise
from engine.run.options import read_script
from engine.user_settings import own, own_file
from harness_repo.harness import HarnessInvalid, read_folder
from sia_tui.app import preferences

SPEC = 'name = "d"\ntitle = ""\nmetric = ""\nminimum_effect = 0.1\ntrain_sample = 1\n'
DEEP = "x = " + "[" * 5000


def settings(folder: Path, content: bytes) -> Any:
    own_file().parent.mkdir(parents=True)
    own_file().write_bytes(content)
    return own().retries


def tui(folder: Path, content: bytes) -> Any:
    (folder / "tui.toml").write_bytes(content)
    return preferences.read(set(), {"dark"}).theme


def domain(folder: Path, content: bytes) -> Any:
    (folder / "domain.toml").write_bytes(content)
    return find(str(folder)).spec.name


def bounds(folder: Path, content: bytes) -> Any:
    for name in ("evaluator.py", "initial_program.py"):
        (folder / name).touch()
    (folder / "adopt.toml").write_bytes(content)
    task = recognise(folder)
    return task and task.score_max


def config(folder: Path, content: bytes) -> Any:
    for name in ("evaluator.py", "initial_program.py"):
        (folder / name).touch()
    (folder / "config.yaml").write_bytes(content)
    task = recognise(folder)
    return task and task.words.encode().decode()


def script(folder: Path, content: bytes) -> Any:
    (folder / "script.toml").write_bytes(content)
    return parse_script(read_script(f"script:{folder / 'script.toml'}"))[0].reason


def harness(folder: Path, content: bytes) -> Any:
    (folder / "agent.py").write_text("def solve(instance, ctx):\n    return 1\n")
    (folder / "harness.toml").write_bytes(content)
    return read_folder(folder).manifest.name


READERS: dict[str, tuple[Callable[[Path, bytes], Any], str, Any]] = {
    "sia.toml": (settings, "retries = 3\n", 3),
    "tui.toml": (tui, 'theme = "dark"\n', "dark"),
    "domain.toml": (domain, SPEC, "d"),
    "adopt.toml": (bounds, "score_max = 1.5\n", 1.5),
    "config.yaml": (config, "prompt:\n  system_message: words\n", "words"),
    "script": (script, '[[decision]]\nreason = "r"\n', "r"),
    "harness.toml": (harness, 'name = "h"\n', "h"),
}
TAKEN: dict[str, Callable[[str], bytes]] = {
    "a byte order mark": lambda text: b"\xef\xbb\xbf" + text.encode(),
    "CRLF": lambda text: text.replace("\n", "\r\n").encode(),
    "no last line end": lambda text: text.rstrip("\n").encode(),
    "a comment beyond ASCII": lambda text: f"# \u00e9 \U0001f600\n{text}".encode(),
}
REFUSED: dict[str, Callable[[str], bytes]] = {
    "latin-1": lambda text: text.encode() + b"# \xe9\n",
    "UTF-16": lambda text: text.encode("utf-16"),
    "NUL": lambda text: text.encode() + b"\0",
    "nested without end": lambda text: text.encode() + DEEP.encode() + b"\n",
}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("SIA_TUI_CONFIG", str(tmp_path / "tui.toml"))
    monkeypatch.delenv("SIA_RETRIES", raising=False)


@pytest.mark.parametrize("form", TAKEN)
@pytest.mark.parametrize("file", READERS)
def test_a_form_that_means_the_same_is_taken(file: str, form: str, tmp_path: Path) -> None:
    read, text, value = READERS[file]
    assert read(tmp_path, TAKEN[form](text)) == value


@pytest.mark.parametrize("form", REFUSED)
@pytest.mark.parametrize("file", READERS)
def test_a_form_that_means_nothing_is_refused_in_a_sentence_that_names_the_file(
    file: str, form: str, tmp_path: Path
) -> None:
    read, text, _ = READERS[file]
    with pytest.raises((SiaError, HarnessInvalid)) as refused:
        read(tmp_path, REFUSED[form](text))
    assert file in str(refused.value), refused.value


@pytest.mark.parametrize(
    "text",
    [
        "evaluator:\n  timeout: 2024-13-45\n",
        "a: 0x_\n",
        "? [a, b]\n: c\n",
        "evaluator:\n  timeout: [1]\n",
        "a: &a [*a\n",
    ],
)
def test_a_configuration_that_yaml_cannot_read_is_refused_in_a_sentence(text: str, tmp_path: Path) -> None:
    with pytest.raises(SiaError, match=r"cannot be read: |is not valid: "):
        config(tmp_path, text.encode())


def test_half_a_surrogate_in_the_words_of_a_task_costs_a_letter(tmp_path: Path) -> None:
    assert config(tmp_path, b'prompt:\n  system_message: "a\\ud83db"\n') == "a?b"


@pytest.mark.parametrize("score", ["nan", "inf", "1e101", "9" * 400, "'1'"])
def test_a_bound_of_scores_is_a_finite_number(score: str, tmp_path: Path) -> None:
    """NaN was a bound that nothing exceeds."""
    with pytest.raises(SiaError, match=r"adopt\.toml is not valid"):
        bounds(tmp_path, f"score_max = {score}\n".encode())


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le"])
def test_requirements_are_read_in_the_encodings_of_pip(encoding: str, tmp_path: Path) -> None:
    """PowerShell's `pip freeze > requirements.txt` writes UTF-16."""
    text = "numpy==2.0\r\n\r\nscipy>=1 ; python_version > '3'\r\n"
    mark = "\ufeff" if encoding == "utf-16-le" else ""
    (tmp_path / "requirements.txt").write_bytes((mark + text).encode(encoding))
    for name in ("evaluator.py", "initial_program.py"):
        (tmp_path / name).touch()
    task = recognise(tmp_path)
    assert task
    assert packages.required(tmp_path, task, []) == ["numpy==2.0", 'scipy>=1; python_version > "3"']
