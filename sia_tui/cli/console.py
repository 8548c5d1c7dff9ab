"""The console of the plain command line."""

from __future__ import annotations

import os
from typing import Any

from rich.console import Console


def console(**options: Any) -> Console:
    """Colours only what it is told to colour, and only in a terminal that has colours.

    Where NO_COLOR is set (https://no-color.org) it writes no escape sequence at all: who wants no colour has no use
    for bold letters and moving bars either.
    """
    return Console(highlight=False, color_system=None if os.environ.get("NO_COLOR") else "auto", **options)


def decorates(shown: Console) -> bool:
    """Whether `shown` may write escape sequences; never in a pipe, and not where TERM is `dumb`."""
    return shown.is_terminal and shown.color_system is not None
