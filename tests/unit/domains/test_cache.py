"""The cache: what stands there is whole, whoever is killed and however many want it at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from domains import cache

MAKER = """
import sys, time
from pathlib import Path
from domains import cache

def make(fresh):
    fresh.mkdir()
    (fresh / "half").write_text("x")
    print("half", flush=True)
    sys.stdin.readline()
    (fresh / "rest").write_text("y")

cache.once(Path(sys.argv[1]), make, report=lambda line: print(line, flush=True))
print("done", flush=True)
"""


def maker(target: Path) -> subprocess.Popen[str]:
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    return subprocess.Popen([sys.executable, "-c", MAKER, str(target)], **pipes)  # type: ignore[call-overload, no-any-return]


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    return process.stdout.readline().strip()


def visible(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if not path.name.endswith(".lock"))


def test_a_maker_that_is_killed_leaves_nothing_that_another_takes_for_whole(tmp_path: Path) -> None:
    first = maker(tmp_path / "thing")
    assert line(first) == "half"
    assert visible(tmp_path) == [".thing.new"]
    os.kill(first.pid, signal.SIGKILL)
    first.communicate()
    assert not (tmp_path / "thing").exists()
    second = maker(tmp_path / "thing")
    assert line(second) == "half"  # the lock of the dead one is free
    second.communicate("\n")
    assert visible(tmp_path) == ["thing"]
    assert visible(tmp_path / "thing") == ["half", "rest"]


def test_of_two_at_once_the_second_waits_says_so_and_makes_nothing(tmp_path: Path) -> None:
    first = maker(tmp_path / "thing")
    assert line(first) == "half"
    second = maker(tmp_path / "thing")
    assert "another process" in line(second)
    first.communicate("\n")
    assert line(second) == "done"
    second.communicate()
    assert visible(tmp_path / "thing") == ["half", "rest"]


def test_the_second_takes_over_where_the_first_is_killed(tmp_path: Path) -> None:
    first = maker(tmp_path / "thing")
    assert line(first) == "half"
    second = maker(tmp_path / "thing")
    assert "another process" in line(second)
    first.kill()
    first.communicate()
    assert line(second) == "half"
    second.communicate("\n")
    assert visible(tmp_path / "thing") == ["half", "rest"]


def test_what_is_whole_is_not_made_again_and_wants_no_right_to_write(tmp_path: Path) -> None:
    (tmp_path / "thing").write_text("x")
    cache.once(tmp_path / "thing", lambda _: pytest.fail("it was made again"))
    assert visible(tmp_path) == ["thing"]


@pytest.mark.parametrize("folder", [True, False])
def test_what_is_not_whole_gives_way_once_there_is_a_whole_one(tmp_path: Path, folder: bool) -> None:
    target, mark = tmp_path / "thing", "whole" if folder else ""

    def write(place: Path, text: str) -> None:
        if folder:
            place.mkdir()
        (place / mark if folder else place).write_text(text)

    def whole(place: Path) -> bool:
        file = place / mark if folder else place
        return file.exists() and file.read_text() == "new"

    def breaks(fresh: Path) -> None:
        write(fresh, "half")
        raise OSError("no more")

    write(target, "old")
    with pytest.raises(OSError, match="no more"):
        cache.once(target, breaks, whole=whole)
    assert visible(tmp_path) == ["thing"]
    assert (target / mark if folder else target).read_text() == "old"
    cache.once(target, lambda fresh: write(fresh, "new"), whole=whole)
    assert whole(target)
    assert visible(tmp_path) == ["thing"]


def test_the_cache_is_where_it_was_told_to_be(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SIA_CACHE", str(tmp_path))
    assert cache.folder("data", "x") == tmp_path / "data" / "x"
    monkeypatch.delenv("SIA_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache.folder("data") == tmp_path / "xdg" / "sia" / "data"
