"""What every process of ours may rely on, wherever it is started: text is UTF-8, and there is a home folder."""

from __future__ import annotations

import locale
import os
import sys
from pathlib import Path


def prepare_process() -> None:
    """Starts this process anew where its locale would read and write text in another encoding; call it first."""
    try:
        Path.home()
    except RuntimeError:  # no $HOME, and a user whom the system does not know, as in a container: what those are given
        os.environ["HOME"] = "/"
    if not sys.flags.utf8_mode and locale.getencoding().lower() != "utf-8":
        os.environ["PYTHONUTF8"] = "1"  # for the processes that we start
        os.execv(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]])  # noqa: S606  (itself)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
