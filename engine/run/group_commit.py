"""Group commit: rows that can be computed again wait up to 50 ms, and are committed in one transaction.

After a failed commit, rows are missing: every later call raises its error until the step of these rows has ended.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence

from engine.events import types as t

GROUP_EVENTS = 128
GROUP_S = 0.05
Row = tuple[int, t.Payload]
"""(generation, payload)"""


class GroupCommit:
    """Collects rows and their blobs, and hands them to `commit` together."""

    def __init__(self, commit: Callable[[Sequence[Row], Sequence[bytes]], None]) -> None:
        self._commit = commit
        self._rows: list[Row] = []
        self._contents: list[bytes] = []
        self._timer: asyncio.TimerHandle | None = None
        self._error: Exception | None = None

    def add(self, row: Row, contents: Sequence[bytes]) -> None:
        """Adds a row; raises the error of a commit that has failed."""
        self._check()
        self._rows.append(row)
        self._contents.extend(contents)
        if len(self._rows) >= GROUP_EVENTS:
            self.flush()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(GROUP_S, self._flush_later)

    def flush(self) -> None:
        """Commits the rows that are waiting, if there are any; raises the error of a commit that has failed."""
        self._check()
        if self._timer:
            self._timer.cancel()
            self._timer = None
        rows, contents, self._rows, self._contents = self._rows, self._contents, [], []
        if not rows:
            return
        try:
            self._commit(rows, contents)
        except Exception as error:
            self._error = error
            raise

    def forget_failure(self) -> None:
        """Call it when the step of the missing rows has ended: its repetition computes them again."""
        self._error = None

    def _check(self) -> None:
        if self._error:
            raise self._error

    def _flush_later(self) -> None:
        self._timer = None
        with contextlib.suppress(Exception):  # the next caller gets the error
            self.flush()
