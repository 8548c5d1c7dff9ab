"""Copying where the terminal does not do it: by the program of the desktop, or of tmux."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Mapping

_PROGRAMS = (
    ("WAYLAND_DISPLAY", ("wl-copy",)),
    ("DISPLAY", ("xclip", "-selection", "clipboard")),
    ("DISPLAY", ("xsel", "--clipboard", "--input")),
    ("TMUX", ("tmux", "load-buffer", "-w", "-")),
)
"""The variable that tells of a desktop or of tmux, and the program that copies there what it reads."""
LONGEST_S = 2.0


def program(environment: Mapping[str, str]) -> tuple[str, ...]:
    """The command that copies here; empty where there is none, and only the terminal can do it."""
    return next((line for name, line in _PROGRAMS if environment.get(name) and shutil.which(line[0])), ())


def copy(text: str) -> None:
    """Copies `text`; a program that fails is no error, since the terminal was asked, too."""
    if line := program(os.environ):
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            subprocess.run(
                line, input=text.encode("utf-8", "replace"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                timeout=LONGEST_S, check=False,
            )  # fmt: skip
