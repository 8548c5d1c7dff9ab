"""Digits as a made-up person would draw them: strokes, bent and shifted, on eight by eight squares of nine shades.

Only sums, products and square roots are used, so that every machine draws the same.
"""

from __future__ import annotations

from itertools import pairwise
from random import Random
from typing import NamedTuple

import numpy as np

SHADES = " .:-=+*%@"
SIDE = 8

_STROKES = (
    "50,05 25,20 20,50 25,80 50,95 75,80 80,50 75,20 50,05",
    "35,25 55,05 55,95",
    "20,25 35,07 65,07 78,28 60,55 20,93 82,93",
    "22,12 60,06 76,25 50,45 78,68 60,93 22,88",
    "62,05 18,62 85,62 | 62,35 62,95",
    "78,07 30,07 26,45 60,40 80,65 62,92 22,90",
    "70,08 35,35 24,70 45,93 74,78 66,52 30,58",
    "20,08 80,08 45,95",
    "50,48 25,28 50,05 75,28 50,48 20,72 50,95 80,72 50,48",
    "74,40 40,50 26,25 50,06 74,20 74,40 60,95",
)
"""The strokes of each digit as points x,y, in hundredths of the side from the upper left corner."""
_SHIFT = 0.12
_JITTER = 0.05
"""How far a drawing, and each point of it, may lie from its place, as a share of the side."""
_CENTRES = (np.indices((SIDE, SIDE)).reshape(2, -1).T[:, ::-1] + 0.5) / SIDE


class Hand(NamedTuple):
    """How one person draws: the slant, the width and height of a digit, the thickness of the pen."""

    slant: float
    width: float
    height: float
    pen: float


def hand(rng: Random) -> Hand:
    """A person's way to draw."""
    return Hand(rng.uniform(-0.4, 0.4), rng.uniform(0.55, 1.0), rng.uniform(0.7, 1.0), rng.uniform(0.02, 0.09))


def draw(digit: int, by: Hand, rng: Random) -> str:
    """One drawing: eight lines of `SHADES`."""
    right, down = rng.uniform(-_SHIFT, _SHIFT), rng.uniform(-_SHIFT, _SHIFT)

    def place(point: str) -> tuple[float, float]:
        x, y = (int(hundredths) / 100 - 0.5 for hundredths in point.split(","))
        bent = x * by.width - y * by.slant + rng.uniform(-_JITTER, _JITTER)
        return bent + 0.5 + right, y * by.height + rng.uniform(-_JITTER, _JITTER) + 0.5 + down

    strokes = [list(map(place, stroke.split())) for stroke in _STROKES[digit].split("|")]
    lines = [line for stroke in strokes for line in pairwise(stroke)]
    start, end = np.array([a for a, _ in lines]), np.array([b for _, b in lines])
    along = end - start
    offset = _CENTRES[:, None] - start
    share = np.clip((offset * along).sum(-1) / (along * along).sum(-1), 0.0, 1.0)
    gap = offset - share[..., None] * along
    distance = np.sqrt((gap * gap).sum(-1)).min(1)
    ink = np.clip(1.0 - (distance - by.pen) * SIDE, 0.0, 1.0) * (len(SHADES) - 1)
    shades = [SHADES[int(level)] for level in ink]
    return "\n".join("".join(shades[at : at + SIDE]) for at in range(0, SIDE * SIDE, SIDE))
