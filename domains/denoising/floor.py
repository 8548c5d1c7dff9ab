"""The floor of the private score: MAGIC's score on the same thinning, computed once and cached.

Without magic-impute it is the score of our own diffusion, under its own name. On train and val the floor is `MARGIN`
higher: a method that just reaches it on some cells falls below it on others.
"""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

from domains import atomic, cache
from domains.contract import Split
from domains.denoising import baselines, metrics
from domains.denoising.data.thinning import Thinning
from domains.denoising.magic_client import Magic, version

MARGIN = 0.02


def basis() -> str:
    """The name of the method that sets the floor."""
    installed = version()
    return f"{baselines.MAGIC} (magic-impute {installed})" if installed else baselines.DIFFUSION


def lowest(thinning: Thinning, fixed: metrics.Anchors, split: Split, magic: Magic | None) -> float:
    """The private score that an answer to `thinning` must reach."""
    return _reference(thinning, fixed, magic) + (0.0 if split == "test" else MARGIN)


def _reference(thinning: Thinning, fixed: metrics.Anchors, magic: Magic | None) -> float:
    name = "".join(letter if letter.isalnum() else "-" for letter in basis())
    file = _cache() / f"{thinning.key()}-{name}.json"
    try:
        return float(json.loads(file.read_text()))
    except (OSError, ValueError):
        pass
    method = magic if magic is not None else baselines.diffusion
    denoised = method(thinning.shown)[:, thinning.genes]
    score = metrics.scores(thinning.held_out, denoised, fixed).poisson_norm
    with contextlib.suppress(OSError):  # it can be computed again
        atomic.write(file, json.dumps(score).encode())
    return score


def _cache() -> Path:
    return cache.folder("data", "denoising", "floors")
