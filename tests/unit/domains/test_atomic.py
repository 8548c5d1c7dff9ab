"""Atomic writes: what is at a name is whole, whoever is killed and whatever is written at once."""

from __future__ import annotations

import ast
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from domains import atomic

ROOT = Path(__file__).parents[3]
OLD, NEW = b"old" * 5000, b"new" * 7000
Writer = Callable[[Path], None]


def file(target: Path) -> None:
    atomic.write(target, NEW)


def file_of_little_worth(target: Path) -> None:
    atomic.write(target, NEW, durable=False)


def first_file(target: Path) -> None:
    with atomic.create(target, replace=False) as fresh:
        fresh.write_bytes(NEW)


def folder(target: Path) -> None:
    with atomic.create(target) as fresh:
        fresh.mkdir()
        for name in ("one", "two"):
            (fresh / name).write_bytes(NEW)


def content(target: Path) -> dict[str, bytes] | bytes | None:
    if target.is_dir():
        return {path.name: path.read_bytes() for path in target.iterdir()}
    return target.read_bytes() if target.exists() else None


def killed(write: Writer, target: Path, at: int) -> bool:
    """Writes in a process that ends, as by SIGKILL, after its call number `at` into C; whether it got so far."""
    pid = os.fork()
    if pid == 0:
        left = at

        def count(_: FrameType, event: str, __: Any) -> None:
            nonlocal left
            left -= event == "c_return"
            if left < 0:
                os._exit(9)

        sys.setprofile(count)
        write(target)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 9


def begin(place: Path, old: dict[str, bytes] | bytes | None) -> Path:
    """A path in the new folder `place`, with `old` there."""
    place.mkdir()
    target = place / "it"
    if isinstance(old, dict):
        target.mkdir()
        for name, text in old.items():
            (target / name).write_bytes(text)
    elif old is not None:
        target.write_bytes(old)
    return target


def left_by_kills(write: Writer, target: Path) -> list[dict[str, bytes] | bytes | None]:
    """What a kill after each call into C leaves at `target`: what was written until then, and no buffer."""
    seen = []

    def look(_: FrameType, event: str, __: Any) -> None:
        if event == "c_return":
            seen.append(content(target))
            assert all(path.name.startswith(atomic.SCRATCH) for path in target.parent.iterdir() if path != target)

    sys.setprofile(look)
    try:
        write(target)
    finally:
        sys.setprofile(None)
    return seen


@pytest.mark.parametrize(
    ("write", "old", "new"),
    [
        (file, OLD, NEW),
        (file, None, NEW),
        (file_of_little_worth, OLD, NEW),
        (first_file, None, NEW),
        (folder, None, {"one": NEW, "two": NEW}),
        (folder, {"one": OLD}, {"one": NEW, "two": NEW}),
    ],
)
def test_wherever_a_writer_is_killed_there_is_the_former_or_the_whole_new_one(
    write: Writer, old: dict[str, bytes] | bytes | None, new: dict[str, bytes] | bytes, tmp_path: Path
) -> None:
    left_by_kills(write, begin(tmp_path / "first", old))  # what is made once for all is made then
    seen = left_by_kills(write, begin(tmp_path / "looked at", old))
    between = [None] if isinstance(old, dict) else []
    assert all(found in [old, *between, new] for found in seen)
    assert seen[0] == old
    assert seen[-1] == new
    assert [path.name for path in (tmp_path / "looked at").iterdir()] == ["it"]
    # a forked process may make a call more or less, so it is not killed next to a change
    steady = [at for at in range(3, len(seen) - 3) if all(one == seen[at] for one in seen[at - 3 : at + 4])]
    for at in (0, steady[0], steady[len(steady) // 2], steady[-1]):
        target = begin(tmp_path / f"killed after {at}", old)
        assert killed(write, target, at)
        assert content(target) == seen[at]


@pytest.mark.parametrize("write", [file, first_file, folder])
def test_contents_are_on_the_disk_before_the_name_and_the_name_before_the_end(
    write: Writer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    sync, rename, link = os.fsync, os.replace, os.link

    def fsync(descriptor: int) -> None:
        done.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)
        sync(descriptor)

    def named(call: Callable[..., None]) -> Callable[..., None]:
        return lambda *arguments, **options: (done.append("named"), call(*arguments, **options))[1]

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "replace", named(rename))
    monkeypatch.setattr(os, "link", named(link))
    write(tmp_path / "it")
    *contents, name, last = done
    assert (name, last) == ("named", tmp_path.name)
    assert len(contents) == (3 if write is folder else 1)
    assert contents[-1].endswith("it")
    done.clear()
    file_of_little_worth(tmp_path / "other")
    assert done == ["named"]


def test_a_block_that_raises_changes_nothing(tmp_path: Path) -> None:
    def fail() -> None:
        with atomic.create(tmp_path / "it") as fresh:
            fresh.mkdir()
            (fresh / "half").write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert list(tmp_path.iterdir()) == []
    folder(tmp_path / "it")
    with pytest.raises(RuntimeError):
        fail()
    assert content(tmp_path / "it") == {"one": NEW, "two": NEW}


def test_what_must_not_be_replaced_is_not(tmp_path: Path) -> None:
    (tmp_path / "it").write_bytes(OLD)
    with pytest.raises(FileExistsError):
        first_file(tmp_path / "it")
    assert [path.name for path in tmp_path.iterdir()] == ["it"]
    assert content(tmp_path / "it") == OLD


def test_of_many_writers_and_readers_none_meets_a_part(tmp_path: Path) -> None:
    target, contents = tmp_path / "small", [letter * 4096 for letter in (b"a", b"b")]
    end = time.monotonic() + 0.5

    def write(text: bytes) -> None:
        while time.monotonic() < end:
            atomic.write(target, text)

    writers = [threading.Thread(target=write, args=[text]) for text in contents]
    for writer in writers:
        writer.start()
    seen = set[bytes]()
    while time.monotonic() < end:
        if target.exists():
            seen.add(target.read_bytes())
    for writer in writers:
        writer.join()
    assert seen
    assert seen <= set(contents)
    assert [path.name for path in tmp_path.iterdir()] == ["small"]


RENAMES = {
    "domains/denoising/data/obtain.py": "a download that was checked goes where `cache.once` looks for it",
    "engine/events/storage/connection.py": "waits for a log that SQLite writes",
    "engine/events/readings.py": "appends lines, each of which is whole by itself",
    "harness_repo/repository.py": "imports nothing of ours, and writes the HEAD of git",
    "engine/sandbox/inside/sweep.py": "runs in the sandbox, and moves what is to be removed",
}


def test_nothing_else_renames_or_synchronises_files() -> None:
    found = set()
    for package in ("domains", "engine", "harness_repo", "sia_tui"):
        for path in (ROOT / package).rglob("*.py"):
            if any(map(moves_files, ast.walk(ast.parse(path.read_text())))):
                found.add(str(path.relative_to(ROOT)))
    assert found - {"domains/atomic.py"} == set(RENAMES)


def moves_files(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return False
    name = node.func.attr
    if name == "replace":  # of a path: a string's has two arguments, a struct's keywords
        owner = ast.unparse(node.func.value)
        return owner == "os" or (len(node.args) == 1 and not node.keywords and not owner.endswith("pages"))
    return name in {"fsync", "rename", "renames", "link", "hardlink_to", "mkstemp", "NamedTemporaryFile"}


@pytest.mark.parametrize("write", [file, first_file, folder])
def test_a_refusal_names_what_was_to_be_written(write: Writer) -> None:
    target = Path("/proc/file")
    with pytest.raises(OSError, match=str(target)) as refused:
        write(target)
    assert refused.value.filename == str(target)
