"""Harness versions in the log: the event that makes one exist, and git's ids for it, from its contents alone."""

from __future__ import annotations

from collections.abc import Mapping

from engine.events import blobs
from engine.events import types as t
from harness_repo.objects import Version, build


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
