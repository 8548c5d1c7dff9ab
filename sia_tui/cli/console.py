"""The console that commands print to."""

from __future__ import annotations

import os
from typing import Any

from rich.console import Console


def console(**options: Any) -> Console:
    """A console that colours only explicit markup, and only in a terminal with colours.

    If NO_COLOR is set (https://no-color.org), it writes no escape sequence at all: no bold text and no moving bars.
    """
    return Console(highlight=False, color_system=None if os.environ.get("NO_COLOR") else "auto", **options)


def decorates(target: Console) -> bool:
    """Whether `target` may write escape sequences: not in a pipe, and not if TERM is `dumb`."""
    return target.is_terminal and target.color_system is not None
