"""What every sia process relies on: text is UTF-8, there is a home folder, and no other user changes its files."""

from __future__ import annotations

import locale
import os
import sys
from pathlib import Path


def prepare_process() -> None:
    """Restarts this process in UTF-8 mode if its locale uses another encoding; call it first."""
    os.umask((os.umask(0o022) | 0o022) & 0o077)  # what it makes is its user's to change, under any umask
    try:
        Path.home()
    except RuntimeError:  # no $HOME, and a user unknown to the system, as in a container
        os.environ["HOME"] = "/"
    if not sys.flags.utf8_mode and locale.getencoding().lower() != "utf-8":
        os.environ["PYTHONUTF8"] = "1"  # for child processes
        os.execv(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]])  # noqa: S606  (itself)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
