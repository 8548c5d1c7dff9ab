"""Tasks 18, 19, 20 and 23 in a real terminal: the mouse, its sizes, its colours, and programs of the user's own."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from benchmarks.pseudo_terminal import PseudoTerminal
from tests.story import sia
from tests.tui.conftest import RUN
from tests.tui.tasks.conftest import SIZES

COLOUR = re.compile(rb"[34]8;[25];(\d+)(?:;(\d+);(\d+))?")
"""A colour by its red, green and blue, or by its number of 256."""
OF_16 = re.compile(rb"\x1b\[(?:\d+;)*(?:[349]|10)[1-6](?:;\d+)*m")
GREYS = {b"0", b"7", b"8", b"15", b"16", *(str(number).encode() for number in (59, 102, 145, 188, *range(231, 256)))}


@contextlib.contextmanager
def app(
    workspace: Path, size: tuple[int, int] = (80, 24), env: Mapping[str, str] | None = None
) -> Iterator[PseudoTerminal]:
    """The app at a size, once the run is on its screen."""
    with PseudoTerminal(sia(workspace), columns=size[0], rows=size[1], env=env) as terminal:
        terminal.until(lambda shown: RUN in shown.text and "q Quit" in shown.lines[-1])
        terminal.settle(0.2)
        yield terminal


def press(terminal: PseudoTerminal, keys: str, shown: str) -> list[str]:
    """Types `keys`; returns the rows of the screen once `shown` is among them."""
    terminal.press(keys)
    terminal.until(lambda now: shown in now.text)
    terminal.settle(0.1)  # all of the frame
    return terminal.lines


def click(terminal: PseudoTerminal, pattern: str) -> None:
    """Presses and releases the left button on the last character of what the pattern finds first."""
    terminal.settle(0.2)
    found = ((row, re.search(pattern, line)) for row, line in enumerate(terminal.lines))
    row, match = next((row, match) for row, match in found if match)
    place = f"{match.end()};{row + 1}"
    terminal.press(f"\x1b[<0;{place}M\x1b[<0;{place}m")


@SIZES
def test_task_18_the_mouse_selects_opens_scrolls_and_presses_keys(recorded: Path, size: tuple[int, int]) -> None:
    with app(recorded, size) as terminal:
        click(terminal, r"[+-] 2 H")
        terminal.until(lambda now: "generation 2" in now.lines[0])  # the first click selects
        click(terminal, r"[+-] 2 H")
        terminal.until(lambda now: "timeline" in now.lines[0])  # the second opens
        terminal.press("g")
        terminal.until(lambda now: "generation 2 · Execution" in now.text)
        if size == (80, 24):  # on the larger screen all is in sight
            terminal.press("\x1b[<65;20;10M" * 9)
            terminal.until(lambda now: "generation 2 · Execution" not in now.text)  # the wheel scrolls
            terminal.press("\x1b[<64;20;10M" * 9)
            terminal.until(lambda now: "generation 2 · Execution" in now.text)
        click(terminal, r"\? Keys")  # the last line is made of buttons
        terminal.until(lambda now: "type to filter" in now.text)
        terminal.press("\x1b")
        terminal.until(lambda now: "type to filter" not in now.text)
        press(terminal, "ntoy\r", "$ sia run toy")
        click(terminal, r" generations +8")
        press(terminal, "\x057", "$ sia run toy --generations 87")  # ctrl+e, and a digit behind the 8
        click(terminal, r" lever +auto")
        terminal.until(lambda now: "best-of-n" in now.text)  # the list opens


@pytest.mark.parametrize("size", [(40, 12), (200, 55)], ids=["40x12", "200x55"])
def test_task_19_it_is_of_use_in_a_tiny_and_in_a_huge_terminal(recorded: Path, size: tuple[int, int]) -> None:
    columns, _ = size
    with app(recorded, size) as terminal:
        terminal.until(lambda now: "finished · best 0." in now.lines[-2])
        terminal.until(lambda now: ("event 2,000" in now.lines[-2]) == (columns == 200))
        shown = press(terminal, "2v", "verdict 2")
        assert shown[0].split()[-2:] == ["verdict", "2"]  # of a long path the end, which says where one is
        assert ("lineage" in shown[1] and "timeline" in shown[1]) == (columns == 200)
        assert all("q Quit" in line and "? Keys" in line for line in shown[-1:])
        shown = press(terminal, "s", "bars: 1 standard error" if columns == 200 else "└")
        assert shown[0].rstrip().endswith("scores")
        shown = press(terminal, "?close", "to the pane on the left" if columns == 200 else "pane on the")
        assert any("close the search" in line for line in shown)
        terminal.press("\x1b")
        terminal.until(lambda now: "close the search" not in now.text)
        shown = press(terminal, "ntoy\r", "$ sia run toy")
        assert any(line.strip(" │").startswith("Start") for line in shown)
        assert any(" generations " in line for line in shown)
        terminal.until(lambda now: "esc Cancel" in now.text)
        terminal.press("\x1b")
        terminal.until(lambda now: "$ sia run toy" not in now.text)
        press(terminal, "L", "r Rename")
        terminal.until(lambda now: any(re.search(f"{RUN} .*finished .* 0.5133", line) for line in now.lines))
        assert ("evals" in terminal.text) == (columns == 200)


@pytest.mark.parametrize("theme", ["", "nord", "ansi-dark"])
def test_task_20_without_colours_it_is_monochrome(recorded: Path, tmp_path: Path, theme: str) -> None:
    (tmp_path / "tui.toml").write_text(f'theme = "{theme}"' if theme else "")
    drawn = drawn_with(recorded, {"NO_COLOR": "1", "SIA_TUI_CONFIG": str(tmp_path / "tui.toml")})
    assert COLOUR.search(drawn) or theme == "ansi-dark"
    assert not {one.group() for one in COLOUR.finditer(drawn) if not _is_grey(*one.groups())}
    assert not OF_16.findall(COLOUR.sub(b"", drawn))


@pytest.mark.parametrize("background", ["", "0;15"], ids=["dark", "light"])
def test_task_20_a_console_with_16_colours_gets_these(recorded: Path, background: str) -> None:
    drawn = drawn_with(recorded, {"TERM": "linux", "COLORTERM": "", "COLORFGBG": background})
    assert OF_16.search(drawn) and not COLOUR.search(drawn)


def test_task_20_a_light_terminal_gets_a_light_screen(recorded: Path) -> None:
    drawn = drawn_with(recorded, {"COLORFGBG": "0;15"})
    grounds = re.findall(rb"48;2;(\d+);(\d+);(\d+)", drawn)
    light = [one for one in grounds if sum(map(int, one)) > 3 * 180]
    assert len(light) > 0.9 * len(grounds) > 0


def test_task_20_a_dumb_terminal_gets_lines(recorded: Path) -> None:
    with PseudoTerminal(sia(recorded), columns=80, rows=24, env={"TERM": "dumb"}) as terminal:
        assert terminal.ended() == 0
        assert RUN in terminal.text and "finished" in terminal.text
        assert b"\x1b" not in terminal.output


def drawn_with(workspace: Path, env: Mapping[str, str]) -> bytes:
    """What the app writes for its first screen, a page and the keys."""
    with app(workspace, env=env) as terminal:
        press(terminal, "2v?", "go back to where you were")
        terminal.settle()  # the last sequence is whole
        return bytes(terminal.output)


def _is_grey(red: bytes, green: bytes | None, blue: bytes | None) -> bool:
    return red == green == blue if green else red in GREYS


@SIZES
def test_task_23_a_commit_and_its_files_in_the_users_own_programs(
    recorded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    for name in ("editor", "difference", "wl-copy"):
        program = tmp_path / name
        keep = 'cat > "$0.seen"' if name == "wl-copy" else 'ls -ld "$@" > "$0.seen"; cat "$1" >> "$0.seen"'
        program.write_text(f"#!/bin/sh\n{keep}\n")
        program.chmod(0o755)
    (tmp_path / ".gitconfig").write_text(
        f'[diff]\n\ttool = ours\n[difftool "ours"]\n\tcmd = {tmp_path}/difference "$LOCAL" "$REMOTE"\n'
    )
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    for name in ("VISUAL", "XDG_CONFIG_HOME", "GIT_CONFIG_GLOBAL"):
        monkeypatch.delenv(name, raising=False)
    env = {"HOME": str(tmp_path), "EDITOR": str(tmp_path / "editor"), "WAYLAND_DISPLAY": "wayland-0"}
    with app(recorded, size, env) as terminal:
        page = press(terminal, "2F", "commit  ")
        commit = next(re.search(r"[0-9a-f]{40}", line)[0] for line in page if "commit  " in line)  # type: ignore[index]
        press(terminal, "gy", f"Copied {commit[:20]}")
        terminal.until(lambda _: (tmp_path / "wl-copy.seen").is_file())
        assert b"\x1b]52;" in terminal.output  # the terminal was asked, too
        press(terminal, "o", "harness 2")
        terminal.until(lambda _: (tmp_path / "editor.seen").is_file())
        press(terminal, "d", "diff 1-2")
        terminal.press("o")
        terminal.until(lambda _: (tmp_path / "difference.seen").is_file())
        press(terminal, "s", "scores")
        terminal.press("q")
        assert terminal.ended() == 0
    assert (tmp_path / "wl-copy.seen").read_text() == commit
    assert len((tmp_path / "difference.seen").read_text().splitlines()) > 1
