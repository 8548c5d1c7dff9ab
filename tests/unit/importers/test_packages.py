"""What a task imports and requires, and how that is installed."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from domains import retry
from engine.errors import SiaError
from engine.importers import packages
from engine.importers.formats import Task

TASK = Task("shinka", "initial.py", "evaluate.py")


def test_imports_are_those_of_the_programs_and_of_what_lies_beside_them(tmp_path: Path) -> None:
    (tmp_path / "evaluate.py").write_text("import json\nfrom helper import x\nimport no.such.thing\n")
    (tmp_path / "helper.py").write_text("def f():\n    import nowhere_either\n")
    assert packages.imports(tmp_path, "evaluate.py", "initial.py") == ["json", "no.such.thing", "nowhere_either"]


def test_modules_that_nobody_has_are_missing(tmp_path: Path) -> None:
    (tmp_path / "installed.py").write_text("")
    modules = ["json", "numpy.linalg", "installed", "nowhere_either", "openevolve.evaluation_result", "shinka.core"]
    assert packages.missing(modules, tmp_path) == ["nowhere_either"]


def test_language_models_are_noticed() -> None:
    assert packages.models(["openai", "google.generativeai.types", "openaiish"]) == [
        "openai",
        "google.generativeai.types",
    ]


def test_projects_are_wanted_by_their_own_names(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("# these\nScikit_Learn>=1  # for trees\n\npandas\n")
    assert packages.required(tmp_path, TASK, ["pandas", "shinka", "cv2", "whatever_this_is"]) == [
        "Scikit_Learn>=1",
        "pandas",
        "shinka-evolve",
        "opencv-python-headless",
    ]


@pytest.mark.parametrize(
    "line", ["--index-url http://elsewhere", "-e .", "./local", "git+https://host/x", "x @ file:///etc", "../up"]
)
def test_a_requirement_that_is_an_option_an_address_or_a_path_is_refused(tmp_path: Path, line: str) -> None:
    (tmp_path / "requirements.txt").write_text(line)
    with pytest.raises(SiaError, match="not a plain requirement"):
        packages.required(tmp_path, TASK, [])


def wheel(folder: Path) -> None:
    """The smallest wheel there is, in a folder that pip is told to look into."""
    with zipfile.ZipFile(folder / "tiny-1.0-py3-none-any.whl", "w") as file:
        file.writestr("tiny.py", "VALUE = 7\n")
        file.writestr("tiny-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n")
        file.writestr("tiny-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        file.writestr("tiny-1.0.dist-info/RECORD", "")


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "shelf"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def test_requirements_are_installed_into_a_folder_of_their_own(tmp_path: Path, shelf: Path) -> None:
    wheel(shelf)
    place = packages.packages_folder(tmp_path, ["tiny"])
    packages.install(["tiny"], place, lambda _: None)
    assert packages.missing(["tiny"], place) == []
    assert place != packages.packages_folder(tmp_path, ["tiny", "more"])


def test_requirements_that_do_not_resolve_are_refused_and_leave_nothing(
    tmp_path: Path, shelf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry, "WAITS_S", (0.0,))
    place = packages.packages_folder(tmp_path, ["tiny==9"])
    with pytest.raises(SiaError, match=r"cannot be installed: .*tiny==9"):
        packages.install(["tiny==9"], place, lambda _: None)
    assert not place.exists()


def test_what_is_imported_under_a_condition_may_not_be_needed(tmp_path: Path) -> None:
    program = (
        "import always_here\ntry:\n    import perhaps\nexcept ImportError:\n    pass\ndef f():\n    import later\n"
    )
    (tmp_path / "evaluate.py").write_text(program)
    assert packages.imports(tmp_path, "evaluate.py", always=True) == ["always_here"]
    assert packages.imports(tmp_path, "evaluate.py") == ["always_here", "later", "perhaps"]
