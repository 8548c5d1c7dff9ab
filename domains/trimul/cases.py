"""The cases: shapes, masks and distributions under which a kernel is checked and timed, and their inputs.

As in GPU MODE's "trimul"; on a processor the shapes are smaller. The hidden shapes and every seed are drawn again for
each grade.
"""

from __future__ import annotations

import math
from typing import Literal

import msgspec
import numpy as np

HIDDEN = 128
Distribution = Literal["normal", "cauchy"]


class Case(msgspec.Struct, frozen=True):
    """`n` positions, `batch` items, `dim` channels; `hidden` is the width inside."""

    n: int
    batch: int
    dim: int
    masked: bool
    distribution: Distribution
    hidden: int = HIDDEN

    def name(self) -> str:
        """The displayed name: (N, B, dim, mask, distribution)."""
        return f"({self.n}, {self.batch}, {self.dim}, {'masked' if self.masked else 'no mask'}, {self.distribution})"

    def shape(self) -> list[int]:
        """The order for a guest."""
        return [self.batch, self.n, self.dim, self.hidden]

    def sizes(self) -> list[int]:
        """Numbers in input, mask, the ten weights (in the order of `guest.WEIGHTS`) and output."""
        d, h, cells = self.dim, self.hidden, self.batch * self.n * self.n
        return [cells * d, cells, d, d, *[h * d] * 5, h, h, d * h, cells * d]

    def flops(self) -> float:
        """Multiplications and additions of the six projections and the product over k."""
        cells = self.batch * self.n**2
        return 2.0 * cells * self.hidden * (6 * self.dim + self.n)

    def least_flops(self) -> float:
        """Those of a kernel that leaves out what half a mask makes zero: in four projections and in their product."""
        cells, kept = self.batch * self.n**2, 0.5 if self.masked else 1.0
        return 2.0 * cells * self.hidden * ((4 * kept + 2) * self.dim + kept**2 * self.n)

    def bytes_moved(self) -> float:
        """The least bytes to read and write: input, mask, weights, output."""
        return 4.0 * sum(self.sizes())


CHECKED = [
    Case(8, 1, 32, False, "normal"),
    Case(8, 2, 32, True, "normal"),
    Case(16, 2, 32, True, "cauchy"),
    Case(16, 1, 128, False, "cauchy"),
    Case(32, 2, 128, True, "normal"),
    Case(32, 1, 128, True, "cauchy"),
]
TIMED = [
    Case(32, 2, 128, False, "normal"),
    Case(64, 1, 128, False, "cauchy"),
    Case(64, 1, 128, True, "normal"),
    Case(96, 1, 128, False, "normal"),
    Case(128, 1, 128, True, "normal"),
]


def pad(numbers: int) -> int:
    """The bytes of `numbers` float32 in the memory shared with a guest, rounded up to a cache line."""
    return -(-4 * numbers // 64) * 64


def hidden(draw: np.random.Generator, ns: tuple[int, int] = (5, 45), sixteens: tuple[int, int] = (1, 12)) -> list[Case]:
    """Two hidden cases, one of them masked; `dim` is divisible by 16, and the upper bounds are exclusive."""
    found = []
    for masked in (True, False):
        n, batch, dim = int(draw.integers(*ns)), int(draw.integers(1, 3)), 16 * int(draw.integers(*sixteens))
        found.append(Case(n, batch, dim, masked, "normal" if draw.random() < 0.5 else "cauchy"))
    return found


def inputs(case: Case, draw: np.random.Generator) -> list[np.ndarray]:
    """Input, mask and weights, flat float32; the weights as upstream scales them."""
    d, h, cells = case.dim, case.hidden, case.batch * case.n * case.n
    if case.distribution == "normal":
        data = draw.standard_normal(cells * d, dtype=np.float32)
    else:
        data = (2.0 * np.tan(math.pi * (draw.random(cells * d, dtype=np.float32) - 0.5))).astype(np.float32)
    mask = draw.integers(0, 2, cells).astype(np.float32) if case.masked else np.ones(cells, dtype=np.float32)

    def normal(size: int, scale: float = 1.0) -> np.ndarray:
        return draw.standard_normal(size, dtype=np.float32) * np.float32(scale)

    inside = [normal(h * d, h**-0.5) for _ in range(5)]
    return [data, mask, normal(d), normal(d), *inside, normal(h), normal(h), normal(d * h, d**-0.5)]
