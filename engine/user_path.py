"""A path as a user writes it: `~` stands for their home, and `~name` for that of another user."""

from __future__ import annotations

import contextlib
from pathlib import Path


def expanded(text: str | Path) -> Path:
    """The path with the home in its place; `~name` stays where there is no such user."""
    path = Path(text)
    with contextlib.suppress(RuntimeError):
        path = path.expanduser()
    return path
