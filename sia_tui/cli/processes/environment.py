"""What every sia process relies on: text is UTF-8, a home folder, a screen with a size, files that are its user's."""

from __future__ import annotations

import locale
import os
import re
import sys
from pathlib import Path

_SIZE = re.compile("0*[1-9][0-9]{0,3}", re.ASCII)
"""A size of a screen. Without one, libraries ask the terminal; some take 0 or "²" for a size and print nothing."""


def prepare_process() -> None:
    """Restarts this process in UTF-8 mode if its locale uses another encoding; call it first."""
    os.umask((os.umask(0o022) | 0o022) & 0o077)  # only its user can change what it makes, under any umask
    try:
        Path.home()
    except RuntimeError:  # no $HOME, and a user unknown to the system, as in a container
        os.environ["HOME"] = "/"
    for name in ("COLUMNS", "LINES"):
        if not _SIZE.fullmatch(os.environ.get(name, "")):
            os.environ.pop(name, None)
    if not sys.flags.utf8_mode and locale.getencoding().lower() != "utf-8":
        os.environ["PYTHONUTF8"] = "1"  # for child processes
        os.execv(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]])  # noqa: S606  (itself)
    _open_closed_streams()
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]


def _open_closed_streams() -> None:
    """Opens /dev/null for each stream that was closed (`>&-`), so that no file of ours gets its number."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            lowest = os.open(os.devnull, os.O_RDWR)  # which is `number`
            setattr(sys, name, os.fdopen(lowest, "w" if number else "r", encoding="utf-8"))
