"""Harness versions of a run: their files from the log, and writing a new one."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from engine.events import types as t
from engine.events.reader import Reader
from engine.events.storage import blobs
from engine.run.journal import Journal
from harness_repo import harness as harnesses
from harness_repo.harness import Harness
from harness_repo.objects import Version, build
from harness_repo.repository import Repository
from harness_repo.structure.changes import meaning
from harness_repo.tunable import Value


class Versions:
    """Reads the harness versions that a log names, and writes those of one run."""

    def __init__(self, journal: Journal, reader: Reader, repository: Repository) -> None:
        self._journal, self._reader, self._repository = journal, reader, repository
        self._params: dict[str, dict[str, Value]] = {}
        self._programs: dict[str, str] = {}

    def files(self, version: t.HarnessWritten) -> dict[str, bytes]:
        """The files of a version, whether it is still a candidate or not."""
        return {path: self._reader.blob(name) for path, name in version.files.items()}

    def harness(self, version: t.HarnessWritten) -> Harness:
        """The harness that a version's files are."""
        return harnesses.parse(self.files(version))

    def params(self, version: t.HarnessWritten) -> dict[str, Value]:
        """The values of a version's tunables; read once, since every Improvement asks for those of all generations."""
        if version.commit not in self._params:
            self._read(version)
        return dict(self._params[version.commit])

    def program(self, version: t.HarnessWritten) -> str:
        """The meaning of a version's program, if its structure may change; else empty."""
        if version.commit not in self._programs:
            self._read(version)
        return self._programs[version.commit]

    def _read(self, version: t.HarnessWritten) -> None:
        harness = self.harness(version)
        self._params[version.commit] = harness.params
        self._programs[version.commit] = meaning(harness.source) if harness.program else ""

    def write(self, generation: int, version: Version, *, changed: str, alternative: bool = False) -> None:
        """Writes a new version: git's objects first, then the event that makes it exist. The driver points the refs."""
        self._repository.write(version)
        event, contents = harness_written(version, changed)
        self._journal.append(generation, replace(event, alternative=alternative), contents=contents)


def harness_written(version: Version, changed: str) -> tuple[t.HarnessWritten, list[bytes]]:
    """The event, and the blob contents that it names."""
    written = build(version)
    event = t.HarnessWritten(
        number=version.number,
        commit=written.commit,
        tree=written.tree,
        parents=list(version.parents),
        files={path: blobs.digest(content) for path, content in version.files.items()},
        author=version.author,
        reason=version.reason,
        lever="harness" if version.lever else None,
        changed=changed,
    )
    return event, list(version.files.values())


def version_of(event: t.HarnessWritten, files: Mapping[str, bytes]) -> Version:
    """The version that `event` recorded, from the contents of its files."""
    return Version(files, event.parents, event.number, event.lever, event.author, event.reason)
