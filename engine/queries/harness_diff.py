"""The diff between two harness versions: git's where the repository has both, else one from the log."""

from __future__ import annotations

import contextlib
import difflib
import io
from collections.abc import Mapping

from engine.events import types as t
from engine.events.reader import Reader
from engine.run.workspace import Workspace
from harness_repo.repository import GitMissing


def between(reader: Reader, workspace: Workspace | None, old: t.HarnessWritten, new: t.HarnessWritten) -> str:
    """The unified diff from `old` to `new`. Creates nothing: a log without a repository is enough."""
    if workspace is not None and (workspace.path / "harness_repo").is_dir():
        repository = workspace.repository()
        if repository.has(old.commit) and repository.has(new.commit):
            with contextlib.suppress(GitMissing):
                return repository.diff(old.commit, new.commit)
    return from_log(reader, old, new)


def from_log(reader: Reader, old: t.HarnessWritten, new: t.HarnessWritten) -> str:
    """The unified diff from the blobs that the two events name."""
    changed = [path for path in old.files.keys() | new.files.keys() if old.files.get(path) != new.files.get(path)]
    before, after = (
        {path: reader.blob(one.files[path]) for path in changed if path in one.files} for one in (old, new)
    )
    return of_files(before, after)


def of_files(old: Mapping[str, bytes], new: Mapping[str, bytes]) -> str:
    """The unified diff between two sets of files; binary files are only named."""
    parts: list[str] = []
    for path in sorted(old.keys() | new.keys()):
        before, after = old.get(path), new.get(path)
        if before == after:
            continue
        left, right = (_lines(content or b"") for content in (before, after))
        parts.append(f"diff --git a/{path} b/{path}\n")
        if left is None or right is None:
            parts.append(f"Binary files a/{path} and b/{path} differ\n")
            continue
        names = ("/dev/null" if before is None else f"a/{path}", "/dev/null" if after is None else f"b/{path}")
        parts += (
            line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
            for line in difflib.unified_diff(left, right, *names)
        )
    return "".join(parts).removesuffix("\n")


def _lines(content: bytes) -> list[str] | None:
    """The lines with their ends; None for binary contents."""
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else list(io.StringIO(text, newline="\n"))
