"""The bare repository: writes versions, updates refs in one transaction, reads and compares.

git and the log share no transaction. The objects are written first, then the event that names the commit, which
creates the version, then the refs. `update` is safe to repeat.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import subprocess
import time
import zlib
from collections.abc import Iterable, Iterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

from harness_repo.objects import Object, Version, Written, build

_ZERO = "0" * 40
_REF = re.compile(rb"([0-9a-f]{40}|ref: \S+)\n?")
_PIECE = 1 << 16
STALE_S = 60.0
"""Seconds after which a lock of git was left by a killed git: each of our git processes takes less than one."""
FOREIGN_S = 2.0
"""The same where no git of ours can hold it: for the moment in which a git that the user has called holds one."""
PATIENCE_S = 10.0
"""The wait for other processes that change refs, in seconds."""
_CHANGING = "changing"
# The user's configuration must not change the form of diffs or the validity of refs. A repository may also come from a
# stranger, whose configuration names programs: no hook, no monitor and no transport (to fetch a missing object) starts.
_OWN = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_ALLOW_PROTOCOL": "none",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C",
}
_PINNED = {
    "core.hooksPath": os.devnull,
    "core.fsmonitor": "false",
    "core.attributesFile": os.devnull,
    "core.alternateRefsCommand": "",
    "core.sshCommand": "false",
    "credential.helper": "",
    "core.filesRefLockTimeout": "500",  # ms; engines of other runs write refs too
    "gc.auto": "0",
    "maintenance.auto": "false",
}


class RepositoryError(Exception):
    """git failed; the message is git's."""


class GitMissing(RepositoryError):
    """There is no git on PATH that can be started."""


class Repository:
    """Harness versions in a bare git repository at `path`, created if it does not exist."""

    def __init__(self, path: Path) -> None:
        from gitdb import LooseObjectDB

        self.path = path.absolute()
        if not (path / "HEAD").exists():
            _create(path)
        self._objects: Any = LooseObjectDB(str(self.path / "objects"))

    def write(self, version: Version) -> Written:
        """Stores a version's objects and returns them; storing them again is harmless."""
        written = build(version)
        self.store(written.objects)
        return written

    def store(self, objects: Iterable[Object]) -> None:
        """Stores the objects that are not in the repository yet."""
        for item in objects:
            self._store(item)

    def _store(self, item: Object) -> None:
        from gitdb import IStream

        if self.has(item.id):
            return
        stored = self._objects.store(IStream(item.kind, len(item.data), BytesIO(item.data))).hexsha.decode()
        if stored != item.id:
            raise RepositoryError(f"git stored {item.kind} {item.id} as {stored}")

    def has(self, object_id: str) -> bool:
        """Whether the object is in the repository as a loose object."""
        return bool(self._objects.has_object(bytes.fromhex(object_id)))

    def update(self, refs: Mapping[str, str | None], before: Mapping[str, str]) -> None:
        """Points every ref of `refs` at its commit, or removes it (None), all in one transaction.

        `before` is what `refs()` returned. Raises `RepositoryError`, and changes nothing, if one of them has moved.
        """
        commands = []
        for ref, commit in refs.items():
            if commit is not None and commit != before.get(ref):
                commands.append(f"update {ref} {_check_id(commit)} {before.get(ref, _ZERO)}\n")
            elif commit is None and ref in before:
                commands.append(f"delete {ref} {before[ref]}\n")
        if commands:
            self._change("update-ref", "--stdin", stdin="".join(commands))

    def _change(self, *arguments: str, stdin: str = "") -> None:
        """Calls a git that changes refs, where need be after removing the locks that killed gits have left."""
        with self._alone() as held:
            try:
                self._git(*arguments, stdin=stdin, held=held)
            except RepositoryError:
                if not self._remove_stale_locks(FOREIGN_S if held else STALE_S):
                    raise
                self._git(*arguments, stdin=stdin, held=held)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[tuple[int, ...]]:
        """A lock that the git called meanwhile holds too, as it may outlive us: no other git of ours changes refs.

        Yields nothing where there is no such lock to be had: then only time tells whether a lock of git is stale.
        """
        with contextlib.ExitStack() as end:
            held: tuple[int, ...] = ()
            with contextlib.suppress(OSError):
                lock = os.open(self.path / _CHANGING, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
                end.callback(os.close, lock)
                if _locked(lock):
                    held = (lock,)
            yield held

    def _remove_stale_locks(self, age_s: float) -> bool:
        """Removes git's locks of refs that are, or within `FOREIGN_S` become, older than `age_s`; whether any were."""
        found = dict(self._locks())
        if found and age_s <= FOREIGN_S:
            time.sleep(min(FOREIGN_S, max(0.0, max(found.values()) + age_s - time.time())))
        now = dict(self._locks())
        stale = [lock for lock, made in found.items() if now.get(lock) == made <= time.time() - age_s]
        for lock in stale:
            lock.unlink(missing_ok=True)
        return bool(stale)

    def _locks(self) -> Iterator[tuple[Path, float]]:
        """Git's locks of refs, with the time at which each was made."""
        for lock in (self.path / "packed-refs.lock", self.path / "HEAD.lock", *(self.path / "refs").rglob("*.lock")):
            with contextlib.suppress(FileNotFoundError):
                if lock.is_file():
                    yield lock, lock.lstat().st_mtime

    def head(self, ref: str) -> None:
        """Makes `ref` the one that a clone checks out; raises `RepositoryError` where git cannot."""
        if (self.path / "HEAD").read_text() != f"ref: {ref}\n":
            self._change("symbolic-ref", "HEAD", ref)

    def refs(self, within: str = "refs/") -> dict[str, str]:
        """All refs `within` a folder that ends in a slash, with their commits; git reads each of them."""
        lines = self._git("for-each-ref", "--format=%(objectname) %(refname)", within).splitlines()
        return {name: commit for commit, _, name in (line.partition(" ") for line in lines)}

    def reachable(self) -> set[str]:
        """All commits reachable from a ref."""
        return set(self._git("rev-list", "--all").split())

    def damaged(self) -> Iterator[Path]:
        """The files, relative to the repository, of refs that hold no id and of loose objects that are not theirs.

        A power cut leaves them empty, a failing disk garbled; git then reads nothing of the repository any more.
        """
        for file in sorted((self.path / "refs").rglob("*")):
            if file.is_file() and file.suffix != ".lock" and not _REF.fullmatch(file.read_bytes()):
                yield file.relative_to(self.path)
        for file in sorted((self.path / "objects").glob("[0-9a-f][0-9a-f]/*")):
            name = file.parent.name + file.name
            if re.fullmatch(r"[0-9a-f]{40}", name) and _digest(file) != name:
                yield file.relative_to(self.path)

    def remove_damaged(self) -> None:
        """Removes what `damaged` finds, so that it can be written again."""
        for file in list(self.damaged()):
            (self.path / file).unlink()

    def diff(self, old: str, new: str, *, context: int = 3) -> str:
        """The unified diff between two versions."""
        commits = (_check_id(old), _check_id(new))
        return self._git(
            "diff", "--no-color", "--no-ext-diff", "--no-textconv", "--no-renames", f"--unified={context}", *commits
        )

    def _git(self, *arguments: str, stdin: str = "", held: tuple[int, ...] = ()) -> str:
        # if git called us (in a hook, say), its variables name another repository
        environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        pinned = [word for name, value in _PINNED.items() for word in ("-c", f"{name}={value}")]
        command = ["git", f"--git-dir={self.path}", *pinned, *arguments]
        env, given = environment | _OWN, stdin.encode()
        try:
            done = subprocess.run(command, env=env, input=given, capture_output=True, check=False, pass_fds=held)
        except OSError as error:
            raise GitMissing(f"git cannot be started: {error.strerror}") from error
        if done.returncode:
            raise RepositoryError(done.stderr.decode(errors="replace").strip() or f"git ended with {done.returncode}")
        return done.stdout.decode(errors="surrogateescape").removesuffix("\n")


def _locked(file: int) -> bool:
    """Takes the lock of an open file; whether it was free within `PATIENCE_S`."""
    end = time.monotonic() + PATIENCE_S
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > end:
                return False
            time.sleep(0.01)
        else:
            return True


def _digest(file: Path) -> str:
    """The id of what a loose object's file holds; nothing where it cannot be unpacked."""
    digest, unpacked = hashlib.sha1(usedforsecurity=False), zlib.decompressobj()
    try:
        with file.open("rb") as stored:
            while piece := stored.read(_PIECE):
                while piece:  # in small pieces: a forged object may unpack to any size
                    digest.update(unpacked.decompress(piece, _PIECE))
                    piece = unpacked.unconsumed_tail
    except (zlib.error, OSError):
        return ""
    return digest.hexdigest() if unpacked.eof else ""


def _create(path: Path) -> None:
    """Creates an empty bare repository (`git help gitrepository-layout`), independent of `git init`'s configuration."""
    for folder in ("objects/info", "objects/pack", "refs/heads", "refs/tags"):
        (path / folder).mkdir(parents=True, exist_ok=True)
    (path / "config").write_text("[core]\n\trepositoryformatversion = 0\n\tbare = true\n\tfsync = all\n")
    fresh = path / f"HEAD.{os.getpid()}"  # last, and at once: whoever finds it takes the repository for whole
    with fresh.open("wb") as file:
        file.write(b"ref: refs/heads/main\n")
        file.flush()
        os.fsync(file.fileno())  # after a power cut, too
    fresh.replace(path / "HEAD")


def _check_id(commit: str) -> str:
    # ids may come from an imported log, and git would read a leading dash as an option
    if not re.fullmatch(r"[0-9a-f]{40}", commit):
        raise RepositoryError(f"{commit!r} is not the id of a commit")
    return commit
