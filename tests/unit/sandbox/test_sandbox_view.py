"""What is shown of this machine, as data."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.sandbox.confinement import packages, view


@pytest.fixture(autouse=True)
def _no_view_of_another_test() -> Iterator[None]:
    view._view.cache_clear()
    yield
    view._view.cache_clear()


def record(folder: Path, name: str, *files: str) -> None:
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "RECORD").write_text("".join(f"{file},sha256=x,1\n" for file in files))
    for file in files:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).touch()


def test_what_no_installer_recorded_is_no_package(tmp_path: Path) -> None:
    record(tmp_path, "good", "good/__init__.py", "alone.py", "good.libs/x.so")
    record(tmp_path, "sia_tui", "engine/__init__.py", "domains/lawbench/labels.csv")
    for stray in ("labels", "notes.txt", "stray.py", ".env"):
        (tmp_path / stray).touch()
    found = {path.name for path in packages.strays(tmp_path, tmp_path)}
    assert found == {"labels", "notes.txt", "stray.py", ".env", "engine", "domains"}


def test_what_conda_recorded_is_no_stray(tmp_path: Path) -> None:
    site = tmp_path / "lib" / "python3.11" / "site-packages"
    record(site, "by_pip", "by_pip/__init__.py")
    for name in ("by_conda.py", "stray.py"):
        (site / name).touch()
    (tmp_path / "conda-meta").mkdir()
    listed = '"lib/libz.so", "lib/python3.11/os.py", "lib/python3.11/site-packages/by_conda.py"'
    (tmp_path / "conda-meta" / "all-1.json").write_text(f'{{"files": [{listed}]}}')
    (tmp_path / "lib" / "data").mkdir()
    assert [path.name for path in packages.strays(site, tmp_path)] == ["stray.py"]
    assert [path.name for path in packages.conda_strays(tmp_path / "lib", tmp_path)] == ["data"]


def test_a_private_folder_is_masked_inside_a_visible_one_and_what_is_needed_in_it_is_bound_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree, project = tmp_path / "lib", tmp_path / "lib" / "project"
    needed = project / ".venv" / "site-packages"
    needed.mkdir(parents=True)
    (needed / "link").symlink_to(project / "secret")
    monkeypatch.setattr(view, "_python", lambda: (tree, needed))
    shown = view.view([str(project)])
    assert tree in shown.binds
    assert needed in shown.binds
    assert project in shown.masks
    words = shown.words()
    order = [words.index(str(path)) for path in (tree, project, needed)]
    assert order == sorted(order)
    assert words.index("--remount-ro") > order[-1]


def test_links_are_kept_as_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "store" / "3.11.7").mkdir(parents=True)
    (tmp_path / "store" / "3.11").symlink_to("3.11.7")
    (tmp_path / "python").symlink_to(tmp_path / "store" / "3.11")
    monkeypatch.setattr(view, "_python", lambda: (tmp_path / "python",))
    shown = view.view()
    real = tmp_path.resolve()
    assert real / "store" / "3.11.7" in shown.binds
    assert shown.links[real / "store" / "3.11"] == Path("3.11.7")
    assert shown.links[real / "python"] == tmp_path / "store" / "3.11"


def test_a_circle_of_links_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    with pytest.raises(OSError, match="symbolic links"):
        view._follow(tmp_path / "a", {})


def test_no_folder_around_this_python_is_bound() -> None:
    shown = view.view()
    assert not {Path(sys.prefix), Path(sys.base_prefix), Path.home(), Path("/usr"), Path("/")} & set(shown.binds)
    assert sum(len(words) for words in shown.words()) < 64 << 10


def test_this_python_is_found_inside_also_where_it_was_called_by_way_of_another_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `../project/.venv/bin/python`: the folder before `..` is not there inside."""
    (tmp_path / "elsewhere").mkdir()
    programs = tmp_path / "venv" / "bin"
    programs.mkdir(parents=True)
    (programs / "python").symlink_to(sys.executable)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "elsewhere" / ".." / "venv" / "bin" / "python"))
    assert view.interpreter()[0] == str(programs / "python")


def test_what_is_gone_before_a_sandbox_starts_is_not_covered(tmp_path: Path) -> None:
    """bwrap could make no place for it in a folder that is read-only."""
    (tmp_path / "stray.py").touch()
    shown = view.View((tmp_path,), (tmp_path / "stray.py", tmp_path / "gone.py"), {})
    assert str(tmp_path / "stray.py") in shown.words()
    assert str(tmp_path / "gone.py") not in shown.words()


def test_a_canary_of_another_process_is_no_stray(tmp_path: Path) -> None:
    mine, other = (tmp_path / f"{packages.CANARY}{pid}-ab" for pid in (os.getpid(), 1))
    mine.touch()
    other.touch()
    assert packages.strays(tmp_path, tmp_path) == [mine]
