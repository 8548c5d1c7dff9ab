"""Readings of a sealed test split: one count for a domain's digest on this machine, whatever run, lineage or workspace.

A reading is named by the hash of the `step.started` event that began it. So it is counted once, wherever it is known
from: the log, the user's state on this machine, an export, or another reading that came after it.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
from collections.abc import Collection
from pathlib import Path

from engine import user_state
from engine.errors import SiaError
from engine.events import types as t
from engine.events.reader import Reader

MAX_BYTES = 1 << 20
"""The size of a file of names beyond which it is not read further."""
_NAME = re.compile(r"[0-9a-f]{16}")


def name_of(event_hash: str) -> str:
    """The name of the reading that the event of that hash began."""
    return event_hash[:16]


def known(reader: Reader, digest: str) -> set[str]:
    """All readings of the test split of the domain with that digest that are known here."""
    return _recorded(digest) | _in_log(reader, digest)


def digest_of(reader: Reader, run: str) -> str:
    """The digest of the domain that a run is about."""
    started = reader.event(reader.segments(run)[0][0], 1).payload
    return started.domain.digest if isinstance(started, t.RunStarted) else ""


def record(digest: str, names: Collection[str]) -> None:
    """Remembers these readings on this machine; raises `SiaError` where that is impossible."""
    if lacking := sorted(set(names) - _recorded(digest)):
        # a line feed first: a full disk may have cut the last line short
        lines = b"\n" + "".join(f"{name}\n" for name in lacking).encode()
        for folder in user_state.folders("readings"):
            with contextlib.suppress(OSError):
                if user_state.is_own(folder, make=True):
                    _append(folder / _file(digest), lines)
                    return
        raise SiaError(
            f"readings of the sealed test cannot be recorded in {next(user_state.folders('readings'))}",
            "set $XDG_STATE_HOME to a folder that you may write",
        )


def _append(path: Path, lines: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
    try:
        if os.write(handle, lines) < len(lines):  # one write: another process may append too
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.fsync(handle)
    finally:
        os.close(handle)


def _recorded(digest: str) -> set[str]:
    found: set[str] = set()
    for folder in user_state.folders("readings"):
        if user_state.is_own(folder):
            with contextlib.suppress(OSError), (folder / _file(digest)).open("rb") as file:
                lines = file.read(MAX_BYTES).decode("ascii", "replace").splitlines()
                found |= {line for line in lines if _NAME.fullmatch(line)}
    return found


def _file(digest: str) -> str:
    return hashlib.sha256(digest.encode()).hexdigest()[:32]  # a log from elsewhere may call its domain anything


def _in_log(reader: Reader, digest: str) -> set[str]:
    roots = {row.run: row.root for row in reader.runs()}
    digests: dict[str, str] = {}
    found: set[str] = set()
    for event in reader.tests():
        root = roots[event.run]
        if root not in digests:
            digests[root] = digest_of(reader, root)
        if digests[root] != digest:
            continue
        if isinstance(event.payload, t.TestUnsealed):
            found.update(name for name in event.payload.readings or () if _NAME.fullmatch(name))
        else:
            found.add(name_of(event.hash))
    return found
