"""What git shows of the log: a branch a run at its incumbent, a tag a version, and scores as notes on the commits.

All of it is a function of the log, so `rebuild` makes the same refs again, with the same ids.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from itertools import takewhile

from engine.core.state import State, fold
from engine.errors import SiaError
from engine.events import types as t
from engine.events.reader import Reader
from engine.run.score_notes import ScoreNotes
from engine.run.versions import Versions, version_of
from harness_repo.repository import GitMissing, Repository, RepositoryError

NOTES = "refs/notes/commits"
_NOTES_FOLDER = "refs/notes/"
_ATTEMPTS = 8


class GitRefs:
    """The branch, the tags and the notes of one run in the workspace's repository.

    What a generation costs does not grow with the run: only what has changed since the last call is looked at.
    """

    def __init__(self, versions: Versions, reader: Reader, repository: Repository) -> None:
        self._versions, self._reader, self._repository = versions, reader, repository
        self._forget()
        self.late = ""
        """Why git is behind the log, in a sentence; empty where it is not."""

    def _forget(self) -> None:
        self._pointed: State | None = None
        self._known: dict[str, str] | None = None
        self._notes = ScoreNotes(self._reader)

    def point(self, state: State) -> None:
        """Brings git up to `state`, at no cost where nothing changed. After a crash the first call repairs the refs.

        Never raises: git follows the log, and what cannot be done now is done with the next call, or by `rebuild`.
        """
        try:
            self._point(state)
            self.late = ""
        except Exception as error:  # of git, of the objects' files, or of reading the log
            self._forget()
            self.late = str(error if isinstance(error, SiaError) else _behind(error))

    def _point(self, state: State) -> None:
        if not state.versions or (self._pointed and _shows_the_same(self._pointed, state)):
            return
        repository = self._repository
        since = self._pointed if self._pointed and self._pointed.name == state.name else None
        for version in (*_versions(state, since).values(), *_declined(state, since).values()):
            if not repository.has(version.commit):  # lost in a power cut, or with the folder
                repository.write(version_of(version, self._versions.files(version)))
        self._known = update(repository, self._notes, refs_of(state.name, state, since), self._known)
        check_out(repository, branch(state.name))
        self._pointed = state


def _shows_the_same(one: State, other: State) -> bool:
    """Whether git shows the same for two states of a run."""
    return (
        one.versions is other.versions
        and one.declined is other.declined
        and (one.name, one.incumbent, _judged(one)) == (other.name, other.incumbent, _judged(other))
    )


def _judged(state: State) -> int:
    """How many generations have a verdict: all but the latest do."""
    return state.generation - bool(state.current and not state.current.verdict)


def refs_of(name: str, state: State, since: State | None = None) -> dict[str, str]:
    """The refs that the run called `name` should have, with their commits; not the tags that it had `since` then."""
    if not state.versions:
        return {}
    tags = {f"refs/tags/{name}/g{number}": version.commit for number, version in _versions(state, since).items()}
    tags |= {f"refs/tags/{name}/declined-{i}": version.commit for i, version in _declined(state, since).items()}
    return tags | {branch(name): state.versions[state.incumbent or 1].commit}


def _versions(state: State, since: State | None) -> Mapping[int, t.HarnessWritten]:
    """The candidates that are new since an earlier state of the same run, by number: they are the last ones."""
    if since is None:
        return state.versions
    before = since.versions
    return dict(takewhile(lambda item: before.get(item[0]) is not item[1], reversed(state.versions.items())))


def _declined(state: State, since: State | None) -> dict[int, t.HarnessWritten]:
    """The candidates that were declined since then, by their place in that order, from 1."""
    first = len(since.declined) if since else 0
    return dict(enumerate(state.declined[first:], first + 1))


def branch(name: str) -> str:
    """The branch of the run called `name`."""
    return f"refs/heads/{name}"


def existing(repository: Repository, within: str = "refs/") -> dict[str, str]:
    """All refs that git has `within` a folder; raises `SiaError` where it cannot tell."""
    try:
        return repository.refs(within)
    except RepositoryError as error:
        raise _behind(error) from error


def catch_up(repository: Repository, reader: Reader, run: str) -> None:
    """Points the refs of a run that no engine works on, as far as git can: the rest is done when it is resumed."""
    state = fold(reader.history(run))
    with contextlib.suppress(SiaError):
        update(repository, ScoreNotes(reader), refs_of(state.name, state))


def check_out(repository: Repository, ref: str) -> None:
    """Makes `ref` the one that a clone checks out; raises `SiaError` where git cannot."""
    try:
        repository.head(ref)
    except (OSError, RepositoryError) as error:
        raise _behind(error) from error


def _behind(error: Exception) -> SiaError:
    remedy = "install git, then run `sia rebuild`" if isinstance(error, GitMissing) else "`sia rebuild` puts this right"
    return SiaError(f"git is behind the log ({' '.join(str(error).split())})", remedy)


def update(
    repository: Repository, scores: ScoreNotes, refs: Mapping[str, str | None], known: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Points `refs` (None: removes) and the notes in one transaction; returns all refs as they are then.

    Only the refs of notes are read where the caller, who alone points them, knows the others (`known`).
    Engines of other runs update the notes too: where they have moved meanwhile, everything is read and tried again.
    Raises `SiaError` where git cannot: the log stands, and `rebuild` makes the refs.
    """
    for attempt in range(1, _ATTEMPTS + 1):
        # first: what is read of the log after it is at least as new
        before = existing(repository) if known is None else _with_notes(repository, known)
        notes = scores.catch_up()
        target = {**refs, NOTES: notes.commit if notes else None}
        if notes and notes.commit != before.get(NOTES):
            try:
                repository.store(notes.objects)
            except (OSError, RepositoryError) as error:
                raise _behind(error) from error
        try:
            repository.update(target, before)
        except RepositoryError as error:
            now = existing(repository) if known is None else _with_notes(repository, known)
            if (now == before and known is None) or attempt == _ATTEMPTS:
                raise _behind(error) from error
            if now == before:
                known = None  # a person has moved another ref, or it is locked
        else:
            found = dict(before)
            for ref, commit in target.items():
                if commit is None:
                    found.pop(ref, None)
                else:
                    found[ref] = commit
            return found
    raise AssertionError


def _with_notes(repository: Repository, known: Mapping[str, str]) -> dict[str, str]:
    others = dict(known)
    others.pop(NOTES, None)
    return others | existing(repository, _NOTES_FOLDER)
