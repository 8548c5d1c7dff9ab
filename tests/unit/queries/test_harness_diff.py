"""The diff of two versions is the same from git and from the log alone, and reading it creates nothing."""

from __future__ import annotations

from pathlib import Path

from engine.events import types as t
from engine.queries.harness_diff import between, from_log
from engine.run.versions import harness_written
from engine.run.workspace import Workspace
from harness_repo.objects import Version
from tests.histories import Memory

OLD = {
    "agent.py": b"a = 1\nb = 2\nc = 3\nd = 4\n",
    "gone.md": "été\n".encode(),
    "image.bin": b"\x00\x01",
    "same.py": b"pass\n",
    "tail.md": b"no end",
}
NEW = {
    "agent.py": b"a = 1\nb = 20\nc = 3\nd = 4\n",
    "image.bin": b"\x00\x02",
    "new.md": "odd\u2028line\x0bend\n".encode(),
    "same.py": b"pass\n",
    "tail.md": b"another end",
}


def versions() -> tuple[Memory, list[tuple[Version, t.HarnessWritten]]]:
    log = Memory()
    made = []
    for number, files in ((1, OLD), (2, NEW)):
        version = Version(files, [], number, None, "test", "")
        event, contents = harness_written(version, "")
        log.append([(number - 1, event)], contents=contents)
        made.append((version, event))
    return log, made


def body(diff: str) -> list[str]:
    """Without the lines in which git names objects and modes."""
    named = ("index ", "new file mode", "deleted file mode")
    return [line.split(" @@")[0] for line in diff.split("\n") if not line.startswith(named)]


def test_the_log_tells_what_git_tells(tmp_path: Path) -> None:
    log, ((first, old), (second, new)) = versions()
    workspace = Workspace(tmp_path)
    repository = workspace.repository()
    repository.write(first)
    repository.write(second)
    by_git = between(log, workspace, old, new)  # type: ignore[arg-type]
    by_log = from_log(log, old, new)  # type: ignore[arg-type]
    assert "index " in by_git and "index " not in by_log
    assert body(by_log) == body(by_git)


def test_without_a_repository_none_is_made(tmp_path: Path) -> None:
    log, ((_, old), (_, new)) = versions()
    assert "+b = 20" in between(log, Workspace(tmp_path / "w"), old, new)  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


def test_a_repository_that_lacks_a_version_is_no_obstacle(tmp_path: Path) -> None:
    log, ((first, old), (_, new)) = versions()
    workspace = Workspace(tmp_path)
    repository = workspace.repository()
    repository.write(first)
    assert between(log, workspace, old, new) == from_log(log, old, new)  # type: ignore[arg-type]
    assert from_log(log, old, old) == ""  # type: ignore[arg-type]
