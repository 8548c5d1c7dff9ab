"""The signals with which a session ends its processes; each command puts back what it changed before it ends."""

from __future__ import annotations

import signal
import sys

_ENDING = (signal.SIGTERM, signal.SIGHUP)


def ending() -> list[signal.Signals]:
    """Those that end this process: not SIGHUP where `nohup` keeps it away."""
    return [number for number in _ENDING if signal.getsignal(number) is not signal.SIG_IGN]


def unwind() -> None:
    """Makes them end this process as an exception does: what has changed the terminal can put it back."""
    for number in ending():
        signal.signal(number, lambda number, _: sys.exit(128 + number))
