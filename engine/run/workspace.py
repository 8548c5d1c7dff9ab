"""A workspace: the folder that holds a user's own runs."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from engine import containment
from engine.errors import SiaError
from engine.events.reader import Reader

if TYPE_CHECKING:
    from harness_repo.repository import Repository


class Workspace:
    """`.sia/`: events.db, harness_repo/, adapters/, tips/, locks/. Nothing is created before a run needs it."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()

    @property
    def log(self) -> Path:
        """The file of the log."""
        return self.path / "events.db"

    @property
    def tips(self) -> Path:
        """The folder of the tips: the last event of each run, kept outside the log."""
        return self.path / "tips"

    def create(self) -> None:
        """Creates the folder, for its user alone; raises `SiaError` where it cannot be written, or leads elsewhere."""
        from engine import trust  # the app's first paint does without

        containment.check_workspace(self.path)
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=self.path).close()
            trust.begin(self.path)
        except OSError as error:
            raise SiaError(
                f"{self.path} cannot be written ({error.strerror})", "choose another folder with --workspace"
            ) from None

    @contextlib.contextmanager
    def name_lock(self) -> Iterator[None]:
        """Held from choosing a name until it is in the log: two runs that start at once get two names."""
        import filelock

        self.create()
        with filelock.FileLock(self.path / "naming.lock", timeout=30):
            yield

    def reader(self) -> Reader:
        """The log, read-only; raises `SiaError` where there is none, or the workspace leads elsewhere."""
        return Reader.open(self.log)

    def repository(self) -> Repository:
        """The harness versions, created if need be."""
        from harness_repo.repository import Repository

        containment.check_workspace(self.path)
        return Repository(self.path / "harness_repo")
