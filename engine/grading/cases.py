"""Measures of single cases: what a grade names `(the case) column`, as a table."""

from __future__ import annotations

import re
from collections.abc import Iterable

_NAME = re.compile(r"(\(.*\)) (\S.*)")


def table(measures: Iterable[tuple[str, float]]) -> dict[str, dict[str, float]]:
    """By case, its columns, both in the order in which they come; other measures are left out."""
    found: dict[str, dict[str, float]] = {}
    for name, value in measures:
        if parts := _NAME.fullmatch(name):
            found.setdefault(parts[1], {})[parts[2]] = value
    return found
