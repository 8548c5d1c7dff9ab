"""Where runs are looked at: the workspace, and sealed files that are only read."""

from __future__ import annotations

from pathlib import Path

from engine.errors import SiaError
from engine.events.reader import Reader, RunRow
from engine.run.workspace import Workspace


class Source:
    """A log that has been opened. `workspace` is None for a sealed file."""

    def __init__(self, path: Path, workspace: Workspace | None) -> None:
        self.path = path
        self.workspace = workspace
        self.label, self.note = "workspace", str(path.parent)
        self.reader = Reader.open(path)
        self._version = -1

    @property
    def sealed(self) -> bool:
        """Whether nothing can be appended to it."""
        return self.workspace is None

    def another_reader(self) -> Reader:
        """A connection for a worker; a sealed file shares the one that there is, since it lies in memory."""
        return self.reader if self.sealed else Reader.open(self.path)

    def changed(self) -> bool:
        """Whether something was written since the last call."""
        version = self.reader.data_version()
        before, self._version = self._version, version
        return version != before

    def status(self, run: RunRow) -> str:
        """A run that says `running` with no engine behind it was interrupted."""
        if run.status != "running":
            return run.status
        if self.workspace is None:
            return "as exported"
        from engine.events.log import is_held

        return "running" if is_held(self.workspace.path, run.run) else "interrupted"

    def close(self) -> None:
        """Closes the log."""
        self.reader.close()


def open_workspace(workspace: Workspace) -> Source | None:
    """The workspace's log; None where there is none yet."""
    return Source(workspace.log, workspace) if workspace.log.is_file() else None


def open_sealed(path: Path) -> Source:
    """A `.sia` file; raises `SiaError` where it is not one that can be trusted."""
    if not path.is_file():
        raise SiaError(f"there is no file {path}", "name a .sia file that `sia export` wrote")
    return Source(path, None)
