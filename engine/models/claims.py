"""Of the engines of a lineage only one sends a request: the others wait, and find its reply in the log.

A claim is the lock of one byte of a file, which byte follows from what is claimed. The kernel frees it with its engine.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import hashlib
import os
import struct
import time
from collections.abc import AsyncIterator
from pathlib import Path

FILE = "calls.lock"
_POLL_S = 0.05
_FLOCK = "hhqqi4x"
"""`struct flock` of 64-bit Linux, in fcntl(2): type, whence, start, length, pid."""


@contextlib.asynccontextmanager
async def held(file: Path, claim: str, patience_s: float) -> AsyncIterator[None]:
    """Holds `claim` until the block ends, first waiting for an engine that holds it, which may be this process's.

    The block begins without it after `patience_s`, as the other engine may be suspended, and where the file system
    has no such locks.
    """
    place = int.from_bytes(hashlib.sha256(claim.encode()).digest()[:8]) >> 2
    with contextlib.ExitStack() as end:
        with contextlib.suppress(OSError):
            lock = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
            end.callback(os.close, lock)
            until = time.monotonic() + patience_s
            while not _locked(lock, place) and time.monotonic() < until:
                await asyncio.sleep(_POLL_S)
        yield


def _locked(lock: int, place: int) -> bool:
    try:
        fcntl.fcntl(lock, fcntl.F_OFD_SETLK, struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, place, 1, 0))
    except (BlockingIOError, PermissionError):
        return False
    return True
