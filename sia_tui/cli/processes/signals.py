"""The signals with which a session ends its processes; each command puts back what it changed before it ends."""

from __future__ import annotations

import signal
import sys

_ENDING = (signal.SIGTERM, signal.SIGHUP)


def ending() -> list[signal.Signals]:
    """Those of them that are not ignored; `nohup` ignores SIGHUP."""
    return [number for number in _ENDING if signal.getsignal(number) is not signal.SIG_IGN]


def unwind() -> None:
    """Makes them raise `SystemExit`, so that code which has changed the terminal can restore it."""
    for number in ending():
        signal.signal(number, lambda number, _: sys.exit(128 + number))
