"""The console that commands print to."""

from __future__ import annotations

import errno
import os
from typing import Any

from rich.console import Console


def console(**options: Any) -> Console:
    """A console that colours only explicit markup, and only in a terminal with colours.

    If NO_COLOR is set (https://no-color.org), it writes no escape sequence at all: no bold text and no moving bars.
    """
    return _Console(highlight=False, color_system=None if os.environ.get("NO_COLOR") else "auto", **options)


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Tells the caller that the reader has gone, in place of an exit: a run goes on without one."""
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))


def decorates(target: Console) -> bool:
    """Whether `target` may write escape sequences: not in a pipe, and not if TERM is `dumb`."""
    return target.is_terminal and target.color_system is not None
