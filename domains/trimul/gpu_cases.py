"""The cases on a GPU, as in GPU MODE's "trimul", and their layout in the memory shared with a guest."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from domains.trimul import cases
from domains.trimul.cases import Case, pad

CHECKED = [
    Case(32, 1, 128, False, "normal"),
    Case(32, 1, 128, True, "normal"),
    Case(32, 1, 128, False, "cauchy"),
    Case(64, 2, 256, False, "normal"),
    Case(64, 2, 256, True, "normal"),
    Case(64, 2, 256, False, "cauchy"),
    Case(128, 1, 768, False, "normal"),
    Case(128, 1, 768, False, "cauchy"),
    Case(256, 1, 128, False, "normal"),
    Case(256, 1, 128, True, "normal"),
    Case(256, 1, 128, False, "cauchy"),
    Case(768, 2, 128, False, "normal"),
    Case(768, 2, 128, False, "cauchy"),
    Case(1024, 1, 384, True, "normal"),
    Case(1024, 1, 384, True, "cauchy"),
    Case(1024, 1, 768, False, "normal"),
    Case(1024, 1, 768, True, "normal"),
    Case(1024, 1, 768, True, "cauchy"),
]
TIMED = [
    Case(256, 2, 128, False, "normal"),
    Case(768, 1, 128, False, "cauchy"),
    Case(256, 2, 384, True, "normal"),
    Case(512, 1, 128, False, "normal"),
    Case(1024, 1, 128, False, "cauchy"),
    Case(768, 1, 384, True, "normal"),
    Case(1024, 1, 384, False, "normal"),
]
OUTPUTS = 2 << 30
MOST_CALLS = 64


def hidden(draw: np.random.Generator) -> list[Case]:
    """Two hidden cases, one of them masked."""
    return cases.hidden(draw, (33, 300), (2, 40))


def calls(case: Case) -> int:
    """How often a kernel is called within one order: as often as fills 2 GiB of outputs, so that what it takes
    outweighs what an order takes without it; twice at least."""
    return max(2, min(MOST_CALLS, OUTPUTS // (4 * case.sizes()[-1])))


class Layout(NamedTuple):
    """Offsets in bytes. `weights` are those of all calls: ten tensors and a shift for each."""

    mask: int
    weights: int
    outputs: int
    end: int


def layout(case: Case, count: int) -> Layout:
    """Input, mask, weights and outputs of `count` calls; `gpu_guest.Served` lays them out alike."""
    x, mask, *weights, output = case.sizes()
    starts = [0]
    for numbers in (x, mask, count * (sum(weights) + case.dim), count * output):
        starts.append(starts[-1] + pad(numbers))
    return Layout(*starts[1:])
