"""Packing 26 circles in the unit square, so that the sum of their radii is large: a task of AlphaEvolve (2025)."""

from __future__ import annotations

import numpy as np

from benchmarks.arena.programs.program import Entry
from benchmarks.arena.programs.start import task

COUNT, KNOWN = 26, 2.635
_SLACK = 1e-9

ABOUT = """Pack 26 circles in the unit square without overlap so that the sum of their radii is as large as possible.
The program defines answer(), which returns 26 rows of x, y and radius. The score is the sum of the radii
divided by 2.635; a packing that is not valid scores 0."""
START = '''
# EVOLVE-BLOCK-START
import numpy as np
from scipy.optimize import linprog

ROWS = [5, 5, 6, 5, 5]
HEIGHTS = [0.1, 0.3, 0.5, 0.7, 0.9]
MARGINS = [0.1, 0.12, 0.09, 0.12, 0.1]
SHIFTS = [0.02, 0.03, 0.02, 0.03, 0.02]
RADII = "equal"  # one of: equal, greedy, linear


def answer():
    """26 circles in the unit square, as rows of x, y and radius."""
    places = []
    for count, height, margin, shift in zip(ROWS, HEIGHTS, MARGINS, SHIFTS):
        for at in np.linspace(margin, 1 - margin, count):
            places.append((at + shift - 0.02, height))
    places = np.clip(np.array(places), 0.001, 0.999)
    gaps = np.linalg.norm(places[:, None] - places[None], axis=2)
    np.fill_diagonal(gaps, np.inf)
    walls = np.minimum(places, 1 - places).min(axis=1)
    if RADII == "equal":
        radii = np.full(len(places), min(walls.min(), gaps.min() / 2))
    elif RADII == "greedy":
        radii = np.minimum(walls, gaps.min(axis=1) / 2)
        for one in range(len(places)):
            room = np.delete(gaps[one] - radii, one).min()
            radii[one] = min(walls[one], room)
    else:
        first, second = np.triu_indices(len(places), 1)
        pairs = np.zeros((len(first), len(places)))
        pairs[np.arange(len(first)), first] = pairs[np.arange(len(first)), second] = 1
        found = linprog(-np.ones(len(places)), pairs, gaps[first, second], bounds=list(zip(0 * walls, walls)))
        radii = found.x
    return np.column_stack([places, np.maximum(radii - 1e-9, 0)])
# EVOLVE-BLOCK-END
'''


def score(entry: Entry) -> float:
    """The sum of the radii, as a share of the largest that was known in 2025; raises for what is no packing."""
    circles = np.asarray(entry(), dtype=float)
    if circles.shape != (COUNT, 3):
        raise ValueError(f"the answer has the shape {circles.shape}, not {(COUNT, 3)}")
    places, radii = circles[:, :2], circles[:, 2]
    if not np.isfinite(circles).all() or (radii < 0).any():
        raise ValueError("a circle is not a finite number, or has a negative radius")
    if ((places - radii[:, None] < -_SLACK) | (places + radii[:, None] > 1 + _SLACK)).any():
        raise ValueError("a circle is not inside the square")
    first, second = np.triu_indices(COUNT, 1)
    if (np.linalg.norm(places[first] - places[second], axis=1) < radii[first] + radii[second] - _SLACK).any():
        raise ValueError("two circles overlap")
    return float(radii.sum()) / KNOWN


TASKS = (
    task(
        "packing-26",
        ABOUT,
        START,
        score,
    ),
)
