"""Git of a simulated machine: objects and refs in memory, whose changes are effects."""

from __future__ import annotations

import errno
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from harness_repo.objects import Object, Version, Written, build
from harness_repo.repository import RepositoryError

if TYPE_CHECKING:
    from tests.simulation.machine import Machine


class Repository:
    """The harness versions; it stands for `harness_repo.repository.Repository`."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._objects: dict[str, None] = {}
        self._refs: dict[str, str] = {}

    def write(self, version: Version) -> Written:
        written = build(version)
        self.store(written.objects)
        return written

    def store(self, objects: Iterable[Object]) -> None:
        if self._machine.point("store", "full"):
            raise OSError(errno.ENOSPC, "No space left on device")
        self._objects |= dict.fromkeys(one.id for one in objects)
        self._machine.point("stored")

    def has(self, object_id: str) -> bool:
        return object_id in self._objects

    def update(self, refs: Mapping[str, str | None], before: Mapping[str, str]) -> None:
        changes = {ref: commit for ref, commit in refs.items() if commit != before.get(ref)}
        if not changes:
            return
        if self._machine.point("refs", "cannot lock ref: File exists"):
            raise RepositoryError("cannot lock ref: File exists")
        for ref, commit in changes.items():
            if self._refs.get(ref) != before.get(ref):
                raise RepositoryError(f"{ref} has moved")
            if commit is not None and commit not in self._objects:
                raise RepositoryError(f"{commit} is not there")
        for ref, commit in changes.items():
            if commit is None:
                self._refs.pop(ref, None)
            else:
                self._refs[ref] = commit
        self._machine.point("pointed")

    def head(self, ref: str) -> None:
        pass

    def refs(self, within: str = "refs/") -> dict[str, str]:
        if self._machine.point("read refs", "fork: Cannot allocate memory"):
            raise RepositoryError("fork: Cannot allocate memory")
        return {ref: commit for ref, commit in self._refs.items() if ref.startswith(within)}

    @property
    def shown(self) -> dict[str, str]:
        """All refs, as nobody reads them: for the model."""
        return dict(self._refs)

    def forget(self, chance: float) -> None:
        """A power cut: the last objects are lost."""
        for name in list(self._objects)[len(self._objects) - int(4 * chance) :]:
            del self._objects[name]
