"""The bare repository: writing versions, moving refs by compare-and-swap, reading and comparing.

git and the log share no transaction. The objects are written first, then the event that names the commit (which is
what makes the version exist), then the refs; `point` is safe to repeat.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path
from typing import Any

from harness_repo.objects import Object, Version, Written, build

_ZERO = "0" * 40


class RepositoryError(Exception):
    """git refused; the message is git's."""


class Repository:
    """Harness versions in a bare git repository at `path`."""

    def __init__(self, path: Path) -> None:
        from git import Repo
        from git.exc import InvalidGitRepositoryError, NoSuchPathError

        self.path = path
        # neither a user's configuration nor a git that we are called from (a hook, say) may change what is stored,
        # where, or how a diff reads
        own = {
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_CONFIG_COUNT": "0",
            "GIT_CONFIG_PARAMETERS": "",
            "GIT_DIR": str(path.absolute()),
            "GIT_COMMON_DIR": str(path.absolute()),
            "GIT_OBJECT_DIRECTORY": str(path.absolute() / "objects"),
            "LC_ALL": "C",
        }
        try:
            self._repo: Any = Repo(path, expand_vars=False)
        except (InvalidGitRepositoryError, NoSuchPathError):
            _create(path)
            self._repo = Repo(path, expand_vars=False)
        self._repo.git.update_environment(**own)

    def close(self) -> None:
        """Ends the helper processes that GitPython keeps."""
        self._repo.close()

    def write(self, version: Version) -> Written:
        """Stores a version's objects and returns their ids; storing again is harmless."""
        written = build(version)
        self.store(written.objects)
        return written

    def store(self, objects: Iterable[Object]) -> None:
        """Stores objects that are not here yet."""
        for item in objects:
            self._store(item)

    def _store(self, item: Object) -> None:
        from gitdb import IStream

        if self.has(item.id):
            return
        stored = self._repo.odb.store(IStream(item.kind, len(item.data), BytesIO(item.data)))
        if stored.hexsha.decode() != item.id:
            raise RepositoryError(f"git stored {item.kind} {item.id} as {stored.hexsha.decode()}")

    def has(self, object_id: str) -> bool:
        """Whether the object is here."""
        return bool(self._repo.odb.has_object(bytes.fromhex(object_id)))

    def point(self, ref: str, commit: str) -> None:
        """Moves `ref` to `commit` from where it stands now; raises `RepositoryError` if another writer moved it."""
        self.move(ref, commit, self.resolve(ref))

    def move(self, ref: str, commit: str, old: str | None) -> None:
        """Moves `ref` from `old` (None: it is not there) to `commit`; `RepositoryError` if it stands elsewhere."""
        _check_id(commit)
        if old != commit:
            self._git("update_ref", ref, commit, old or _ZERO)

    def drop(self, ref: str) -> None:
        """Removes `ref`, if it is there."""
        if (old := self.resolve(ref)) is not None:
            self._git("update_ref", "-d", ref, old)

    def head(self, ref: str) -> None:
        """Lets a clone check `ref` out."""
        self._git("symbolic_ref", "HEAD", ref)

    def resolve(self, ref: str) -> str | None:
        """The commit that `ref` names, or None."""
        from git.exc import GitCommandError

        try:
            return str(self._repo.git.rev_parse("--verify", "--quiet", ref))
        except GitCommandError:
            return None

    def refs(self) -> dict[str, str]:
        """All refs with their commits."""
        lines = self._git("for_each_ref", "--format=%(objectname) %(refname)").splitlines()
        return {name: commit for commit, _, name in (line.partition(" ") for line in lines)}

    def files(self, commit: str) -> dict[str, bytes]:
        """The files of a version."""
        tree = self._repo.commit(commit).tree
        return {
            item.path: item.data_stream.read() for item in sorted(tree.traverse(), key=_path) if item.type == "blob"
        }

    def reachable(self) -> set[str]:
        """All commits that some ref reaches."""
        return set(self._git("rev_list", "--all").split())

    def diff(self, old: str, new: str, *, context: int = 3) -> str:
        """The unified diff between two versions."""
        _check_id(old)
        _check_id(new)
        return self._git("diff", "--no-color", "--no-ext-diff", "--no-renames", f"--unified={context}", old, new)

    def _git(self, command: str, *arguments: str) -> str:
        from git.exc import GitCommandError

        try:
            return str(getattr(self._repo.git, command)(*arguments))
        except GitCommandError as error:
            raise RepositoryError(str(error.stderr).strip() or str(error)) from error


def _create(path: Path) -> None:
    """An empty bare repository (`git help gitrepository-layout`), the same whatever `git init` is configured to."""
    for folder in ("objects/info", "objects/pack", "refs/heads", "refs/tags"):
        (path / folder).mkdir(parents=True, exist_ok=True)
    (path / "config").write_text("[core]\n\trepositoryformatversion = 0\n\tbare = true\n\tfsync = all\n")
    (path / "HEAD").write_text("ref: refs/heads/main\n")


def _check_id(commit: str) -> None:
    # ids may come from an imported log, and git would take one that begins with a dash for an option
    if not re.fullmatch(r"[0-9a-f]{40}", commit):
        raise RepositoryError(f"{commit!r} is not the id of a commit")


def _path(item: Any) -> str:
    return str(item.path)
