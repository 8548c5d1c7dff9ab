"""What git shows of the log: a branch a run at its incumbent, a tag a version, and scores as notes on the commits.

All of it is a function of the log, so `rebuild` makes the same refs again, with the same ids.
"""

from __future__ import annotations

from collections.abc import Mapping

from engine.core.state import State
from engine.errors import SiaError
from engine.events import types as t
from engine.events.reader import Reader
from engine.run.versions import Versions, version_of
from harness_repo.objects import annotate
from harness_repo.repository import GitMissing, Repository, RepositoryError

NOTES = "refs/notes/commits"
_ATTEMPTS = 8


class GitRefs:
    """The branch, the tags and the notes of one run in the workspace's repository."""

    def __init__(self, versions: Versions, reader: Reader, repository: Repository) -> None:
        self._versions, self._reader, self._repository = versions, reader, repository
        self._pointed: tuple[dict[str, str], int] | None = None
        self.late = ""
        """Why git is behind the log, in a sentence; empty where it is not."""

    def point(self, state: State) -> None:
        """Brings git up to `state`, at no cost where nothing changed. After a crash the first call repairs the refs.

        Never raises: git follows the log, and what cannot be done now is done with the next call, or by `rebuild`.
        """
        try:
            self._point(state)
            self.late = ""
        except Exception as error:  # of git, of the objects' files, or of reading the log
            self.late = str(error if isinstance(error, SiaError) else _behind(error))

    def _point(self, state: State) -> None:
        refs, repository = refs_of(state.name, state), self._repository
        judged = sum(one.verdict is not None for one in state.generations)
        if not refs or self._pointed == (refs, judged):
            return
        for version in (*state.versions.values(), *state.declined):
            if not repository.has(version.commit):  # lost in a power cut, or with the folder
                repository.write(version_of(version, self._versions.files(version)))
        update(repository, self._reader, refs)
        repository.head(branch(state.name))
        self._pointed = (refs, judged)


def refs_of(name: str, state: State) -> dict[str, str]:
    """The refs that the run called `name` should have, with their commits."""
    if not state.versions:
        return {}
    tags = {f"refs/tags/{name}/g{number}": version.commit for number, version in state.versions.items()}
    tags |= {f"refs/tags/{name}/declined-{i}": version.commit for i, version in enumerate(state.declined, 1)}
    return tags | {branch(name): state.versions[state.incumbent or 1].commit}


def branch(name: str) -> str:
    """The branch of the run called `name`."""
    return f"refs/heads/{name}"


def scores(reader: Reader) -> dict[str, str]:
    """By commit, what every run here that has judged it says of it: verdict, lever, reason, score on `val`."""
    reasons: dict[str, str] = {}
    for event in reader.of_type(t.HarnessWritten.type):
        version = event.payload
        assert isinstance(version, t.HarnessWritten)  # noqa: S101 - by its type
        reasons[version.commit] = next(iter(version.reason.strip().splitlines()), "no reason given")
    names = {run.run: run.name for run in reader.runs()}
    texts: dict[str, str] = {}
    for one in sorted(reader.generations(), key=lambda one: (names[one.run], one.generation)):
        if one.accepted is None or one.val is None or one.se is None:
            continue
        texts[one.harness] = (
            texts.get(one.harness, "")
            + f"{names[one.run]}, generation {one.generation}: {'accepted' if one.accepted else 'rejected'}\n"
            + f"    lever: {one.lever or 'none, the first harness'}\n"
            + f"    reason: {reasons.get(one.harness, 'unknown')}\n"
            + f"    val: {one.val:.4f} ± {one.se:.4f}\n"
        )
    return texts


def existing(repository: Repository) -> dict[str, str]:
    """All refs that git has; raises `SiaError` where it cannot tell."""
    try:
        return repository.refs()
    except RepositoryError as error:
        raise _behind(error) from error


def _behind(error: Exception) -> SiaError:
    remedy = "install git, then run `sia rebuild`" if isinstance(error, GitMissing) else "`sia rebuild` puts this right"
    return SiaError(f"git is behind the log ({' '.join(str(error).split())})", remedy)


def update(repository: Repository, reader: Reader, refs: Mapping[str, str | None]) -> dict[str, str]:
    """Points `refs` (None: removes) and the notes in one transaction; returns all refs as they are then.

    Engines of other runs update the notes too: where they have moved meanwhile, everything is read and tried again.
    Raises `SiaError` where git cannot: the log stands, and `rebuild` makes the refs.
    """
    for attempt in range(1, _ATTEMPTS + 1):
        before = existing(repository)  # first: what is read of the log after it is at least as new
        texts = scores(reader)
        notes = annotate(texts) if texts else None
        target = {**refs, NOTES: notes.commit if notes else None}
        if notes and notes.commit != before.get(NOTES):
            repository.store(notes.objects)
        try:
            repository.update(target, before)
        except RepositoryError as error:
            if attempt == _ATTEMPTS or existing(repository) == before:
                raise _behind(error) from error
        else:
            return {ref: commit for ref, commit in (before | target).items() if commit is not None}
    raise AssertionError
