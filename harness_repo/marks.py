"""Which part of a program may be changed: the lines between its marks, and no seed or axis.

Without marks EVOLVE-BLOCK-START and EVOLVE-BLOCK-END all lines count.
"""

from __future__ import annotations

START, END = "EVOLVE-BLOCK-START", "EVOLVE-BLOCK-END"
FIXED = {"seed", "random_state", "axis", "dim", "ndim", "n_jobs", "maxsplit", "ndigits"}
"""Arguments and variables whose numbers stay as they are."""


def blocks(source: str) -> list[tuple[int, int]] | None:
    """The lines of each pair of marks; None without marks."""
    found: list[tuple[int, int]] = []
    begun = None
    for number, line in enumerate(source.splitlines(), 1):
        if START in line and line.lstrip().startswith("#"):
            begun = number
        elif END in line and begun is not None:
            found.append((begun, number))
            begun = None
    if begun is not None:
        found.append((begun, number))
    return found or None
