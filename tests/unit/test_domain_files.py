"""A domain's folder may come from anyone: what no task should hold is refused before any of its code is run."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from engine import domain_files
from engine.errors import SiaError
from engine.grading.loader import find
from tests.docs.commandline import sia
from tests.story import TOY


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return shutil.copytree(TOY, tmp_path / "task", ignore=shutil.ignore_patterns("__pycache__"))


def link(name: str, to: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).symlink_to(to)


def huge(folder: Path) -> None:
    with (folder / "data.bin").open("wb") as file:
        file.truncate((domain_files.MOST_MB << 20) + 1)


def many(folder: Path) -> None:
    for number in range(domain_files.MOST_FILES + 1):
        (folder / f"{number}").touch()


@pytest.mark.parametrize(
    ("plant", "says"),
    [
        (link("labels", "/etc"), "symbolic link out"),
        (link("notes.txt", "/etc/passwd"), "symbolic link out"),
        (link("harness/up", "../../.."), "symbolic link out"),
        (link("nowhere", "../not there"), "symbolic link out"),
        (lambda folder: os.mkfifo(folder / "pipe"), "neither a file nor a folder"),
        (lambda folder: (folder / "a\x1b[31mb").touch(), "not a path that can be shown"),
        (lambda folder: os.mkdir(os.fsencode(folder) + b"/\xff\xfe"), "not a path that can be shown"),  # noqa: PTH102
        (huge, "more than 512 MB"),
        (many, "more than 10000 files"),
    ],
)
def test_what_no_task_should_hold_is_refused(folder: Path, plant: Callable[[Path], None], says: str) -> None:
    find(str(folder))
    plant(folder)
    with pytest.raises(SiaError, match=says):
        find(str(folder))


@pytest.mark.parametrize("path", ["a\nb", "a\x1b]0;title\x07", "\0", "\udcff"])
def test_a_hostile_path_is_one_sentence(path: str) -> None:
    with pytest.raises(SiaError, match="not a path that can be shown"):
        find(path)


@pytest.mark.parametrize("path", ["", " "])
def test_an_empty_name_names_no_folder(path: str) -> None:
    with pytest.raises(SiaError, match="names no folder"):
        find(path)


def test_links_within_the_folder_are_fine(folder: Path) -> None:
    link("same.md", "task.md")(folder)
    link("again", "harness")(folder)
    before = len(domain_files.files(folder))
    assert Path("same.md") in domain_files.files(folder)
    link("round", ".")(folder)
    assert len(domain_files.files(folder)) == before


def test_what_is_hidden_does_not_count(folder: Path) -> None:
    before = find(str(folder)).code_digest()
    (folder / ".sia").mkdir()
    link(".sia/out", "/etc")(folder)
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "domain.pyc").write_bytes(b"1")
    assert find(str(folder)).code_digest() == before


def test_a_run_in_the_folder_itself_can_be_gone_on_with(folder: Path) -> None:
    for words in (["run", ".", "--generations", "1"], ["resume", "last", "--generations", "2"]):
        done = sia(folder, *words, "--headless")
        assert done.status == 0, done.errors
