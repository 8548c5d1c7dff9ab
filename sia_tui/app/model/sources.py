"""The open logs: the workspace, which grows, and sealed files, which are read-only."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from engine.errors import SiaError
from engine.events.reader import Reader, RunRow
from engine.run.workspace import Workspace
from sia_tui.cli import recording
from sia_tui.cli.runs import status_of

WORKSPACE = "workspace"


class Source:
    """An open log. `workspace` is None for a sealed file."""

    def __init__(self, path: Path, label: str, note: str, workspace: Workspace | None = None) -> None:
        self.path = path
        self.label = label
        self.note = note
        self.workspace = workspace
        self.reader = Reader.open(path)
        self._version = self._runs_version = -1
        self._runs: list[RunRow] = []

    @property
    def sealed(self) -> bool:
        """Whether nothing can be appended to it."""
        return self.workspace is None

    def new_reader(self) -> Reader:
        """A reader for another thread. A sealed file lies in memory, so its only reader is shared."""
        return self.reader if self.sealed else Reader.open(self.path)

    def changed(self) -> bool:
        """Whether the log was written to since the last call."""
        version = self.reader.data_version()
        before, self._version = self._version, version
        return version != before

    def runs(self) -> list[RunRow]:
        """The log's runs; they are read again only where the log was written to."""
        version = self.reader.data_version()
        if version != self._runs_version:
            self._runs, self._runs_version = self.reader.runs(), version
        return self._runs

    def status(self, run: RunRow) -> str:
        """The run's status, as `status_of` says."""
        if run.status == "running" and self.workspace is None:
            return "as exported"
        return status_of(self.workspace, run) if self.workspace else run.status


class Sources:
    """The open logs by label, the workspace first. `loading` is true until the logs named at the start are open."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.loading = True
        self._by_label: dict[str, Source] = {}

    def __iter__(self) -> Iterator[Source]:
        return iter(self._by_label.values())

    def __len__(self) -> int:
        return len(self._by_label)

    @property
    def have_runs(self) -> bool:
        """Whether there is a run to show."""
        return any(source.reader.runs() for source in self)

    def get(self, label: str) -> Source | None:
        """The log with that label, if it is open."""
        return self._by_label.get(label)

    def open_workspace(self) -> bool:
        """Opens the workspace's log as soon as it exists; true if this call opened it. Raises `SiaError`."""
        log = self.workspace.log
        if WORKSPACE in self._by_label or not log.is_file():
            return False
        source = Source(log, WORKSPACE, str(log.parent), self.workspace)
        self._by_label = {WORKSPACE: source, **self._by_label}
        return True

    def add(self, source: Source) -> None:
        """Adds a log that was opened elsewhere."""
        self._by_label[source.label] = source


def open_sealed(path: Path) -> Source:
    """Opens and checks a `.sia` file; raises `SiaError` where its seal does not hold."""
    if not path.is_file():
        raise SiaError(f"the file {path} does not exist", "name a .sia file that `sia export` wrote")
    return Source(path, path.name, "sealed, read-only")


def open_recording(path: Path) -> Source:
    """Opens and checks the recording; raises `SiaError` where its seal does not hold."""
    return Source(path, recording.NAME, "the shipped recording, read-only")
