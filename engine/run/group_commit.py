"""Group commit: rows are committed together, so that many of them wait for the disk once.

A row that can be computed again waits up to 50 ms. One that is used as soon as it is on the disk waits up to 5 ms, and
whoever added it waits for it. After a failed commit, rows are missing: every later call raises its error until the step
of these rows has ended.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from typing import Protocol

from engine.events import types as t

GROUP_EVENTS = 128
GROUP_S = 0.05
DURABLE_S = 0.005
Row = tuple[int, t.Payload]
"""(generation, payload)"""


class Commit(Protocol):
    """Commits rows and their blobs in one transaction; `durable` waits for the disk."""

    def __call__(self, rows: Sequence[Row], contents: Sequence[bytes], *, durable: bool) -> None: ...


class GroupCommit:
    """Collects rows and their blobs, and hands them to `commit` together, in the order in which they were added."""

    def __init__(self, commit: Commit) -> None:
        self._commit = commit
        self._rows: list[Row] = []
        self._contents: list[bytes] = []
        self._waiting: list[asyncio.Future[None]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._error: Exception | None = None

    def add(self, row: Row, contents: Sequence[bytes]) -> None:
        """Adds a row; raises the error of a commit that has failed."""
        self._add(row, contents, GROUP_S)

    async def add_durably(self, row: Row, contents: Sequence[bytes], more: Callable[[], bool]) -> None:
        """Adds a row, and returns when it is on the disk; raises the error of a commit that has failed.

        It is written sooner where `more` says that no further row is expected, and also where its caller is cancelled.
        """
        self._check()
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        self._waiting.append(done)
        self._add(row, contents, DURABLE_S)
        loop.call_soon(self._flush_all, done, more)
        try:
            await done
        except asyncio.CancelledError:
            with contextlib.suppress(Exception):  # the next caller gets the error
                self.flush()
            raise

    def flush(self) -> None:
        """Commits the rows that are waiting, if there are any; raises the error of a commit that has failed."""
        self._check()
        if self._timer:
            self._timer.cancel()
            self._timer = None
        rows, contents, waiting = self._rows, self._contents, self._waiting
        self._rows, self._contents, self._waiting = [], [], []
        if not rows:
            return
        left = [one for one in waiting if not one.done()]  # who is cancelled does not wait any more
        try:
            self._commit(rows, contents, durable=bool(waiting))
        except Exception as error:
            self._error = error
            for one in left:
                one.set_exception(error)
                one.exception()  # asyncio reports those that nobody has asked for
            raise
        for one in left:
            one.set_result(None)

    def forget_failure(self) -> None:
        """Call it when the step of the missing rows has ended: its repetition computes them again."""
        self._error = None

    def _add(self, row: Row, contents: Sequence[bytes], within_s: float) -> None:
        self._check()
        self._rows.append(row)
        self._contents.extend(contents)
        loop = asyncio.get_running_loop()
        if len(self._rows) >= GROUP_EVENTS:
            self.flush()
        elif self._timer is None or self._timer.when() > loop.time() + within_s:
            if self._timer:
                self._timer.cancel()
            self._timer = loop.call_later(within_s, self._flush_later)

    def _check(self) -> None:
        if self._error:
            raise self._error

    def _flush_all(self, added: asyncio.Future[None], more: Callable[[], bool]) -> None:
        if not added.done() and not more():
            self._flush_later()

    def _flush_later(self) -> None:
        with contextlib.suppress(Exception):  # the next caller gets the error
            self.flush()
