"""A workspace: the folder where a user's own runs live."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

from engine.errors import SiaError
from engine.events.reader import Reader
from harness_repo.repository import Repository


class Workspace:
    """`.sia/`: events.db, harness_repo/, tips/, locks/. Nothing is created before a run needs it."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()

    @property
    def log(self) -> Path:
        """Where the log is."""
        return self.path / "events.db"

    @property
    def tips(self) -> Path:
        """Where the ends of histories are kept outside the log."""
        return self.path / "tips"

    def create(self) -> None:
        """Makes the folder; raises `SiaError` where that is not possible."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=self.path).close()
        except OSError as error:
            raise SiaError(
                f"{self.path} cannot be written ({error.strerror})", "choose another folder with --workspace"
            ) from None

    @contextlib.contextmanager
    def naming(self) -> Iterator[None]:
        """Held while a name is chosen and until it is in the log: two runs that begin at once get two names."""
        import filelock

        self.create()
        with filelock.FileLock(self.path / "naming.lock", timeout=30):
            yield

    def reader(self) -> Reader:
        """The log, read-only."""
        return Reader.open(self.log)

    def repository(self) -> Repository:
        """The harness versions, created if need be."""
        return Repository(self.path / "harness_repo")
