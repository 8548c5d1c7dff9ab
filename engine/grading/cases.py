"""Measures of single cases, which a grade names `(case) column`, as a table."""

from __future__ import annotations

import re
from collections.abc import Iterable

_NAME = re.compile(r"(\(.*\)) (\S.*)")


def table(measures: Iterable[tuple[str, float]]) -> dict[str, dict[str, float]]:
    """The columns of each case, in the order of `measures`; other measures are left out."""
    found: dict[str, dict[str, float]] = {}
    for name, value in measures:
        if parts := _NAME.fullmatch(name):
            found.setdefault(parts[1], {})[parts[2]] = value
    return found
