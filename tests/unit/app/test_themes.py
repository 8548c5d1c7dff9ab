"""Which theme fits a terminal, and how a chosen one is kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.errors import SiaError
from sia_tui.app import preferences, themes


@pytest.mark.parametrize(
    ("background", "few", "theme"),
    [
        ("", False, "sia"),
        ("15;0", False, "sia"),
        ("0;15", False, "sia-light"),
        ("0;default;7", False, "sia-light"),
        ("12;8", False, "sia"),
        ("default;default", False, "sia"),
        ("", True, "ansi-dark"),
        ("0;15", True, "ansi-light"),
    ],
)
def test_the_theme_fits_the_terminal(background: str, few: bool, theme: str) -> None:
    assert themes.fitting(background, few_colours=few) == theme


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "folder" / "tui.toml"
    monkeypatch.setenv("SIA_TUI_CONFIG", str(path))
    return path


def test_a_chosen_theme_is_kept_and_all_else_in_the_file_stays(file: Path) -> None:
    preferences.keep_theme("sia-clear")
    assert preferences.read(set(), {"sia-clear"}).theme == "sia-clear"
    file.write_text('# mine\nnotify = "none"   # quiet\n\n[keys]\nmap = "ctrl+g"  # as in vi\n')
    preferences.keep_theme("nord")
    assert file.read_text() == (
        '# mine\nnotify = "none"   # quiet\ntheme = "nord"\n\n[keys]\nmap = "ctrl+g"  # as in vi\n'
    )


def test_a_link_stays_a_link(file: Path, tmp_path: Path) -> None:
    file.parent.mkdir()
    (tmp_path / "mine.toml").write_text('theme = "sia"\n')
    file.symlink_to(tmp_path / "mine.toml")
    preferences.keep_theme("nord")
    assert file.is_symlink()
    assert (tmp_path / "mine.toml").read_text() == 'theme = "nord"\n'


@pytest.mark.parametrize("content", [b"theme = ", b"\xff\xfe", None])
def test_a_file_that_cannot_be_changed_stays_as_it_is(file: Path, content: bytes | None) -> None:
    file.parent.mkdir()
    if content is None:
        file.mkdir()
    else:
        file.write_bytes(content)
    with pytest.raises(SiaError, match="does not keep the theme"):
        preferences.keep_theme("nord")
    assert content is None or file.read_bytes() == content
