"""The floor of the honest score: what MAGIC reaches on the same thinning, computed once and kept.

Where magic-impute is not installed the floor is that of our own diffusion, under its own name.
On train and val the floor lies `MARGIN` higher: who just touches it on some cells falls below it on others.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import platformdirs

from domains.contract import Split
from domains.denoising import baselines, metrics
from domains.denoising.magic_client import Magic, version
from domains.denoising.thinning import Thinning

MARGIN = 0.02


def basis() -> str:
    """What the floor rests on, in words."""
    installed = version()
    return f"{baselines.MAGIC} (magic-impute {installed})" if installed else baselines.DIFFUSION


def lowest(thinning: Thinning, fixed: metrics.Anchors, split: Split, magic: Magic | None) -> float:
    """The honest score that an answer to `thinning` must reach."""
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
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        scratch = file.with_suffix(f".{os.getpid()}")
        scratch.write_text(json.dumps(score))
        scratch.replace(file)
    except OSError:  # it can be computed again
        pass
    return score


def _cache() -> Path:
    root = os.environ.get("SIA_CACHE")
    return (Path(root) if root else platformdirs.user_cache_path("sia")) / "data" / "denoising" / "floors"
