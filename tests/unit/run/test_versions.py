"""A version exists once its event is in the log: git has its objects before."""

from __future__ import annotations

import pytest

from engine.errors import SiaError
from engine.run.versions import Versions
from harness_repo.objects import Version

VERSION = Version({"agent.py": b"x = 1\n"}, [], 1, None, "ada", "first")


class Places:
    """A repository and a journal that note who was written to; with `full` the repository takes nothing."""

    def __init__(self, *, full: bool = False) -> None:
        self.full, self.written = full, list[str]()

    def write(self, _: Version) -> None:
        if self.full:
            raise SiaError("the disk is full")
        self.written.append("git")

    def append(self, generation: int, *events: object, contents: object) -> None:
        self.written += [event.type for event in events]  # type: ignore[attr-defined]


def test_objects_that_git_does_not_take_leave_no_event() -> None:
    """Else the log would name a commit that git does not have."""
    places = Places()
    Versions(places, None, places).write(1, VERSION, changed="")  # type: ignore[arg-type]
    assert places.written == ["git", "harness.written"]
    places = Places(full=True)
    with pytest.raises(SiaError, match="full"):
        Versions(places, None, places).write(1, VERSION, changed="")  # type: ignore[arg-type]
    assert places.written == []
